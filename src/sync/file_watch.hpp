// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <functional>
#include <string>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/workers.hpp"
#include "file_changes.hpp"

namespace adapter::sync {

/// A secret, a certificate or another file that is corrected ends the wait of every repository that failed because of
/// it. Looks instead of being told (inotify): that works on network file systems too. Loop thread only.
class FileWatch {
public:
  /// Until cancelled. While a repository of `failing` waits for files they are looked at, at most once a second however
  /// often `begins_to_wait` is woken, and `changed` is called for each repository that one of its files may let
  /// succeed; else it sleeps until `begins_to_wait`. All outlive the coroutine.
  asio::awaitable<void> run(async::Wakeup& begins_to_wait, std::function<std::vector<FailingRepository>()> failing,
                            std::function<void(const std::string&)> changed);

private:
  async::Workers looks_{
      1, async::Workers::OneLane{}};  ///< a thread of its own: a volume that hangs does not keep it from secrets
};

}  // namespace adapter::sync
