// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <semaphore>

#include "adapter/base/limits.hpp"

namespace adapter::store {

/// From this size on only one object is in memory at a time, in the whole process: libgit2 holds an object, its base
/// and its delta at once, and a small pack of legal deltas can make every worker hold the largest objects there may be.
inline constexpr std::uint64_t large_object_bytes = 16 * mib;

/// The right to hold one. Whoever has it must not wait for other workers. Any thread.
class LargeObjectTurn {
public:
  LargeObjectTurn() = default;
  ~LargeObjectTurn() { give_back(); }
  LargeObjectTurn(const LargeObjectTurn&) = delete;
  LargeObjectTurn& operator=(const LargeObjectTurn&) = delete;

  /// Waits for it. Precondition: not had.
  void take() {
    turn().acquire();
    had_ = true;
  }
  void give_back() noexcept {
    if (had_) {
      had_ = false;
      turn().release();
    }
  }

private:
  static std::binary_semaphore& turn() noexcept {
    static std::binary_semaphore one{1};
    return one;
  }
  bool had_ = false;
};

}  // namespace adapter::store
