// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/shared_job.hpp"
#include "adapter/async/workers.hpp"
#include "file_changes.hpp"

namespace adapter::sync {

/// A secret, a certificate or another file that is corrected ends the wait of every repository that failed because of
/// it. Looks instead of being told (inotify): that works on network file systems too. Loop thread only.
class FileWatch {
public:
  static constexpr std::chrono::milliseconds usual_patience{1000};

  /// `workers`, and the loop, outlive the looks, which may outlive this object. A file that has not answered within
  /// `patience` counts as one that hangs.
  explicit FileWatch(async::Workers& workers, std::chrono::milliseconds patience = usual_patience)
      : workers_(workers), patience_(patience) {}

  /// Until cancelled. While a repository of `failing` waits for files they are looked at, at most once a second however
  /// often `begins_to_wait` is woken, and `changed` is called for each repository that one of its files may let
  /// succeed; else it sleeps until `begins_to_wait`. All outlive the coroutine. A file that hangs counts as one that
  /// cannot be reached: that it answers again is a change.
  asio::awaitable<void> run(async::Wakeup& begins_to_wait, std::function<std::vector<FailingRepository>()> failing,
                            std::function<void(const std::string&)> changed);

private:
  using Look = async::SharedJob<FileVersion>;
  asio::awaitable<FileChanges::Versions> look_at_files(std::vector<FailingRepository> failing);

  async::Workers& workers_;
  std::chrono::milliseconds patience_;
  std::map<std::filesystem::path, Look> looks_;
  FileChanges::Versions answers_;  ///< of each of `looks_`, the last one
};

}  // namespace adapter::sync
