// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/workers.hpp"

#include <algorithm>
#include <thread>

namespace adapter::async {
namespace {

/// So that one file that hangs (another mount, a network volume) does not stop the looks at others.
constexpr std::size_t quick_threads = 2;
/// For old trees, and for repositories that were pruned.
constexpr std::size_t deletion_threads = 2;

}  // namespace

struct Workers::Pools {
  explicit Pools(std::size_t work_threads) : threads(work_threads), work(work_threads) {}
  ~Pools() {
    work.join();
    for (std::optional<asio::thread_pool>* const lane : {&quick, &deletion, &help}) {
      if (*lane) {
        (*lane)->join();
      }
    }
  }
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  std::size_t threads;
  asio::thread_pool work;
  std::optional<asio::thread_pool> quick;
  std::optional<asio::thread_pool> deletion;
  std::optional<asio::thread_pool> help;
};

Workers::Workers(std::size_t threads, OneLane /*one_lane*/)
    : own_(std::make_unique<Pools>(threads)), pools_(own_.get()), jobs_(std::make_shared<JobList>()) {}

Workers::Workers(std::size_t threads) : Workers(threads, OneLane{}) {
  own_->quick.emplace(quick_threads);
  own_->deletion.emplace(deletion_threads);
  own_->help.emplace(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, threads));
}

Workers::Workers(Workers& pool, std::string owner) : pools_(pool.pools_), jobs_(pool.jobs_), owner_(std::move(owner)) {}

Workers::~Workers() = default;

std::size_t Workers::threads() const noexcept {
  return pools_->threads;
}

asio::thread_pool& Workers::pool(Lane lane) noexcept {
  if (lane == Lane::quick && pools_->quick) {
    return *pools_->quick;
  }
  if (lane == Lane::deletion && pools_->deletion) {
    return *pools_->deletion;
  }
  if (lane == Lane::help && pools_->help) {
    return *pools_->help;
  }
  return pools_->work;
}

}  // namespace adapter::async
