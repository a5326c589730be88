// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/workers.hpp"

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
    if (quick) {
      quick->join();
    }
    if (deletion) {
      deletion->join();
    }
  }
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  std::size_t threads;
  asio::thread_pool work;
  std::optional<asio::thread_pool> quick;
  std::optional<asio::thread_pool> deletion;
};

Workers::Workers(std::size_t threads, OneLane /*one_lane*/)
    : own_(std::make_unique<Pools>(threads)),
      pools_(own_.get()),
      jobs_(std::make_shared<JobList>()),
      waiting_(std::make_shared<std::atomic<std::size_t>>(0)) {}

Workers::Workers(std::size_t threads) : Workers(threads, OneLane{}) {
  own_->quick.emplace(quick_threads);
  own_->deletion.emplace(deletion_threads);
}

Workers::Workers(Workers& pool, std::string owner)
    : pools_(pool.pools_), jobs_(pool.jobs_), waiting_(pool.waiting_), owner_(std::move(owner)) {}

Workers::~Workers() = default;

std::size_t Workers::threads() const noexcept {
  return pools_->threads;
}

bool Workers::has_waiting_jobs() const noexcept {
  return *waiting_ > 0;
}

asio::thread_pool& Workers::pool(Lane lane) noexcept {
  if (lane == Lane::quick && pools_->quick) {
    return *pools_->quick;
  }
  if (lane == Lane::deletion && pools_->deletion) {
    return *pools_->deletion;
  }
  return pools_->work;
}

}  // namespace adapter::async
