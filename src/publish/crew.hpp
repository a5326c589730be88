// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "adapter/async/workers.hpp"

namespace adapter::publish {

/// Lets idle workers help with a job that already runs on a worker.
///
/// Helpers are an offer to the pool, not a demand: the job starts at once, helpers join when a thread is free, and one
/// that comes too late returns without touching anything of the job's. So a busy pool, or one of a single thread, costs
/// speed and cannot delay or block the end; that is why helpers are posted and not awaited as jobs of their own. And a
/// helper leaves when a job waits for its thread: one repository must not have all workers.
class Crew {
public:
  /// At most `helpers` join; never more than the pool has threads beside the caller's.
  Crew(async::Workers& workers, std::size_t helpers);

  /// Asked by a member between two pieces of work: whether it should return although there is more to do. Never true
  /// for the job's own thread.
  using Leave = std::function<bool()>;

  /// Runs `member` on the calling thread and on each helper that joins, until all that started returned. A member must
  /// return when the work is done or another member failed; it may wait for work only as long as another member is busy
  /// making some. The first exception of any member is thrown again here.
  void run(const std::function<void(const Leave&)>& member);

private:
  async::Workers* workers_;
  std::size_t helpers_;
};

}  // namespace adapter::publish
