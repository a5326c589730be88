// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "adapter/async/workers.hpp"

namespace adapter::publish {

/// Lets a job that runs on a worker have second threads, those of Lane::help.
///
/// Helpers are an offer to them, not a demand: the job starts at once, helpers join when a thread is free, and one that
/// comes too late returns without touching anything of the job's. So helpers that are all taken, by one repository's
/// large tree for instance, cost others speed and cannot delay or block their end; that is why helpers are posted and
/// not awaited as jobs of their own, and why they have no thread that a job needs.
class Crew {
public:
  /// At most `helpers` join; always fewer than there are workers.
  Crew(async::Workers& workers, std::size_t helpers);

  /// Runs `member` on the calling thread and on each helper that joins, until all that started returned. A member must
  /// return when the work is done or another member failed; it may wait for work only as long as another member is busy
  /// making some. The first exception of any member is thrown again here.
  void run(const std::function<void()>& member);

private:
  async::Workers* workers_;
  std::size_t helpers_;
};

}  // namespace adapter::publish
