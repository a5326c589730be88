// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace adapter::sync {

/// How many bytes a second a peer sends, over the last `window` of its own time. The peer's time stands still while the
/// receiver is held up by its disk or its processor: that time neither counts against the peer nor excuses it. No I/O.
class PeerRate {
public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// The peer's time begins at `now`. `window` is 10 ms or more.
  PeerRate(TimePoint now, Duration window) : bucket_(window / buckets), began_(now), held_up_since_(now) {}

  /// The peer's time begins anew: what was received before does not count.
  void restart(TimePoint now);
  void received(std::uint64_t bytes, TimePoint now);
  void set_held_up(bool held_up, TimePoint now);

  /// The time since the beginning in which the receiver was ready.
  [[nodiscard]] Duration waited(TimePoint now) const noexcept;
  [[nodiscard]] bool has_whole_window(TimePoint now) const noexcept { return waited(now) >= bucket_ * buckets; }
  [[nodiscard]] std::uint64_t bytes_per_second(TimePoint now);

private:
  static constexpr std::size_t buckets = 10;

  void turn(TimePoint now);

  Duration bucket_;
  TimePoint began_;
  bool held_up_ = false;
  TimePoint held_up_since_;
  Duration held_up_before_{};                   ///< in all, up to held_up_since_
  std::int64_t last_ = 0;                       ///< the bucket that is filled
  std::array<std::uint64_t, buckets> bytes_{};  ///< of the last window, in a circle
};

}  // namespace adapter::sync
