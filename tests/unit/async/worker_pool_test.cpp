// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "adapter/async/workers.hpp"

namespace adapter::async {
namespace {

using namespace std::chrono_literals;

/// Jobs that hang until release().
class HangingJobs {
public:
  explicit HangingJobs(WorkerPool& pool) : pool_(pool) {}
  ~HangingJobs() { release(); }
  HangingJobs(const HangingJobs&) = delete;
  HangingJobs& operator=(const HangingJobs&) = delete;

  void post(int count) {
    for (int i = 0; i < count; ++i) {
      pool_.post([end = end_] { end.wait(); });
    }
  }
  void release() {
    if (!std::exchange(released_, true)) {
      release_.set_value();
    }
  }

private:
  WorkerPool& pool_;
  std::promise<void> release_;
  std::shared_future<void> end_{release_.get_future()};
  bool released_ = false;
};

/// Whether a job that is posted now is run within some seconds.
bool runs_a_job(WorkerPool& pool) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> result = done->get_future();
  pool.post([done] { done->set_value(); });
  return result.wait_for(10s) == std::future_status::ready;
}

TEST(WorkerPool, StartsAThreadWhereAllHangAndAJobWaits) {
  WorkerPool pool("test", 2, 4, 20ms);
  HangingJobs hanging(pool);
  hanging.post(2);
  EXPECT_TRUE(runs_a_job(pool));
  EXPECT_EQ(pool.threads(), 3U);
  hanging.post(1);
  EXPECT_TRUE(runs_a_job(pool));
  EXPECT_EQ(pool.threads(), 4U);
}

TEST(WorkerPool, StartsNoMoreThreadsThanItsBound) {
  WorkerPool pool("test", 1, 2, 5ms);
  HangingJobs hanging(pool);
  hanging.post(2);
  std::atomic<bool> ran = false;
  pool.post([&ran] { ran = true; });
  while (pool.threads() < 2) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(25ms);  // five times its patience
  EXPECT_EQ(pool.threads(), 2U);
  EXPECT_FALSE(ran);
  hanging.release();
  EXPECT_TRUE(runs_a_job(pool));
}

TEST(WorkerPool, StartsNoThreadWhileJobsBegin) {
  WorkerPool pool("test", 1, 2, 1h);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(runs_a_job(pool));
  }
  EXPECT_EQ(pool.threads(), 1U);
}

TEST(WorkerPool, RunsWhatWaitsBeforeItEnds) {
  int ran = 0;
  {
    WorkerPool pool("test", 1, 1);
    for (int i = 0; i < 100; ++i) {
      pool.post([&ran] { ++ran; });
    }
  }
  EXPECT_EQ(ran, 100);
}

TEST(Workers, AFileThatHangsHoldsUpNoJobOfTheVolume) {
  Workers workers(1);
  std::promise<void> release;
  const std::shared_future<void> end = release.get_future().share();
  for (int i = 0; i < 20; ++i) {
    workers.post(Lane::files, [end] { end.wait(); });
  }
  for (const Lane lane : {Lane::work, Lane::quick, Lane::deletion, Lane::help}) {
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> result = done->get_future();
    workers.post(lane, [done] { done->set_value(); });
    EXPECT_EQ(result.wait_for(10s), std::future_status::ready);
  }
  release.set_value();
}

}  // namespace
}  // namespace adapter::async
