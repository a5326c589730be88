// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "peer_rate.hpp"

namespace adapter::sync {

/// When a check that has its connection is given up: the policy without I/O, told the time and the bytes. A check may
/// take `longest`. It is slow when it received less than 64 KiB/s over the last 10 s, the time before the first byte
/// included, and then ends when another request waits for a connection of its host.
class CheckWatch {
public:
  using TimePoint = PeerRate::TimePoint;

  /// A list of refs of the largest size comes within it at a megabyte a second.
  static constexpr std::chrono::minutes longest{2};
  static constexpr std::chrono::seconds window{10};
  static constexpr std::uint64_t slow_bytes_per_second = 64ULL * 1024;
  static constexpr std::chrono::seconds between_looks{1};

  /// The connection is there at `now`.
  explicit CheckWatch(TimePoint now) : began_(now), rate_(now, window) {}

  enum class Verdict : std::uint8_t { goes_on, ends_for_another, took_too_long };
  /// To be called every second. `new_bytes` arrived since the last look.
  [[nodiscard]] Verdict look(std::uint64_t new_bytes, bool is_waited_for, TimePoint now);
  /// At one look or more.
  [[nodiscard]] bool was_slow() const noexcept { return was_slow_; }

private:
  TimePoint began_;
  PeerRate rate_;
  bool was_slow_ = false;
};

}  // namespace adapter::sync
