// SPDX-License-Identifier: Apache-2.0
#include "peer_rate.hpp"

#include <numeric>

namespace adapter::sync {

void PeerRate::restart(TimePoint now) {
  began_ = now;
  held_up_since_ = now;
  held_up_before_ = Duration::zero();
  last_ = 0;
  bytes_.fill(0);
}

void PeerRate::received(std::uint64_t bytes, TimePoint now) {
  turn(now);
  bytes_.at(static_cast<std::size_t>(last_) % buckets) += bytes;
}

void PeerRate::set_held_up(bool held_up, TimePoint now) {
  if (held_up_) {
    held_up_before_ += now - held_up_since_;
  }
  held_up_ = held_up;
  held_up_since_ = now;
}

PeerRate::Duration PeerRate::waited(TimePoint now) const noexcept {
  return (held_up_ ? held_up_since_ : now) - began_ - held_up_before_;
}

std::uint64_t PeerRate::bytes_per_second(TimePoint now) {
  turn(now);
  const std::uint64_t bytes = std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0});
  const auto window = std::chrono::duration_cast<std::chrono::milliseconds>(bucket_ * buckets);
  return bytes * 1000 / static_cast<std::uint64_t>(window.count());
}

/// Empties the buckets of the time that has passed.
void PeerRate::turn(TimePoint now) {
  const std::int64_t present = waited(now) / bucket_;
  if (present - last_ >= static_cast<std::int64_t>(buckets)) {
    bytes_.fill(0);
    last_ = present;
  }
  while (last_ < present) {
    ++last_;
    bytes_.at(static_cast<std::size_t>(last_) % buckets) = 0;
  }
}

}  // namespace adapter::sync
