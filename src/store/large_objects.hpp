// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "adapter/base/limits.hpp"

namespace adapter::store {

/// From this size on only one object is in memory at a time, in the whole process: libgit2 holds an object, its base
/// and its delta at once, and a small pack of legal deltas can make every worker hold the largest objects there may be.
inline constexpr std::uint64_t large_object_bytes = 16 * mib;

/// The process-wide permit to hold one large object, for the life of a scope. Any thread.
///
/// A permit never outlives the call that took it, and its holder waits for no other thread: the object's bytes are
/// parsed, or written to a file, and freed. So the permit becomes free without help from a thread that waits for it,
/// and threads that share one job cannot wait for each other in a circle. A thread that holds the permit must not take
/// it again (asserted). First come, first served.
class LargeObjectPermit {
public:
  /// Waits for the permit. Throws cancelled when `stop` is requested meanwhile.
  explicit LargeObjectPermit(const std::stop_token& stop);
  ~LargeObjectPermit();
  LargeObjectPermit(const LargeObjectPermit&) = delete;
  LargeObjectPermit& operator=(const LargeObjectPermit&) = delete;

  /// Lets those go first that wait now: for work on many objects, between two of them, when it has none in memory.
  /// Throws cancelled when `stop` is requested meanwhile; then the permit is given back.
  void give_way(const std::stop_token& stop);

private:
  bool held_ = false;
};

}  // namespace adapter::store
