// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/workers.hpp"

#include <algorithm>
#include <thread>

namespace adapter::async {
namespace {

/// Of the lanes of short jobs: so that one file that hangs (another mount, a network volume) does not stop the looks at
/// others, and how many may hang before it does. A secret or certificate that hangs keeps two threads: one looks for
/// the requests, one for the repositories that wait for the file.
constexpr std::size_t short_lane_threads = 2;
constexpr std::size_t most_quick_threads = 8;
constexpr std::size_t most_files_threads = 16;
/// For old trees, and for repositories that were pruned.
constexpr std::size_t deletion_threads = 2;

}  // namespace

struct Workers::Pools {
  explicit Pools(std::size_t work_threads) : work("work", work_threads, work_threads) {}

  std::optional<WorkerPool> quick;
  std::optional<WorkerPool> files;
  std::optional<WorkerPool> deletion;
  std::optional<WorkerPool> help;
  WorkerPool work;  ///< last, so that it ends first: its jobs post to `help`
};

Workers::Workers(std::size_t threads, OneLane /*one_lane*/)
    : own_(std::make_unique<Pools>(threads)), pools_(own_.get()), jobs_(std::make_shared<JobList>()) {}

Workers::Workers(std::size_t threads) : Workers(threads, OneLane{}) {
  own_->quick.emplace("quick", short_lane_threads, most_quick_threads);
  own_->files.emplace("files", short_lane_threads, most_files_threads);
  own_->deletion.emplace("deletion", deletion_threads, deletion_threads);
  const std::size_t helpers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, threads);
  own_->help.emplace("help", helpers, helpers);
}

Workers::Workers(Workers& pool, std::string owner) : pools_(pool.pools_), jobs_(pool.jobs_), owner_(std::move(owner)) {}

Workers::~Workers() = default;

std::size_t Workers::threads() const noexcept {
  return pools_->work.threads();
}

WorkerPool& Workers::pool(Lane lane) const noexcept {
  std::optional<WorkerPool>* own = nullptr;
  switch (lane) {
    case Lane::work:
      break;
    case Lane::quick:
      own = &pools_->quick;
      break;
    case Lane::files:
      own = &pools_->files;
      break;
    case Lane::deletion:
      own = &pools_->deletion;
      break;
    case Lane::help:
      own = &pools_->help;
      break;
  }
  return own != nullptr && *own ? **own : pools_->work;
}

}  // namespace adapter::async
