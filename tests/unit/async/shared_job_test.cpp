// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/shared_job.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::async {
namespace {

using namespace std::chrono_literals;

class SharedJobTest : public testing::Test {
protected:
  ~SharedJobTest() override { release(); }

  void release() {
    if (!std::exchange(released_, true)) {
      release_.set_value();
    }
  }
  /// Returns how many jobs of this kind were begun, when release() was called.
  SharedJob<int>::Work hanging() {
    return [this, end = end_] {
      const int number = ++begun_;
      end.wait();
      return number;
    };
  }
  void ask(std::chrono::milliseconds patience) { ask(patience, hanging()); }
  void ask(std::chrono::milliseconds patience, SharedJob<int>::Work work) {
    scope_.spawn("ask", wait_for_result(patience, std::move(work)));
  }
  asio::awaitable<void> wait_for_result(std::chrono::milliseconds patience, SharedJob<int>::Work work) {
    try {
      const std::optional<int> result = co_await job_.run(std::move(work), patience);
      results_.push_back(result);
    } catch (const std::bad_alloc&) {
      ++failures_;
    }
  }
  void run() {
    loop_.restart();
    loop_.run();
  }

  asio::io_context loop_{1};
  Workers workers_{1, Workers::OneLane{}};
  TaskScope scope_{loop_.get_executor()};
  SharedJob<int> job_{workers_, "read", Lane::files};
  std::promise<void> release_;
  std::shared_future<void> end_{release_.get_future()};
  bool released_ = false;
  std::atomic<int> begun_ = 0;
  std::vector<std::optional<int>> results_;
  int failures_ = 0;
};

TEST_F(SharedJobTest, AllThatAskMeanwhileShareOneJob) {
  ask(1h);
  ask(1h);
  ask(SharedJob<int>::forever);
  loop_.poll();
  release();
  run();
  EXPECT_EQ(results_, std::vector<std::optional<int>>(3, 1));
  ask(1h);
  run();
  EXPECT_EQ(results_.back(), 2) << "a request after its end begins another";
}

TEST_F(SharedJobTest, APatienceCountsFromTheBeginOfTheJob) {
  ask(20ms);
  run();
  ask(0ms);
  run();
  ask(20ms);
  const auto began = std::chrono::steady_clock::now();
  run();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20ms);
  EXPECT_EQ(results_, std::vector<std::optional<int>>(3, std::nullopt));
  ask(1h);
  loop_.poll();
  release();
  run();
  EXPECT_EQ(results_.back(), 1) << "the job that hung has ended";
}

TEST_F(SharedJobTest, ACancelledRequestDoesNotWaitForTheJob) {
  ask(1h);
  loop_.poll();
  scope_.cancel();
  run();
  EXPECT_EQ(scope_.size(), 0U);
  EXPECT_TRUE(results_.empty());
}

TEST_F(SharedJobTest, AnExceptionReachesEachThatAsked) {
  for (int i = 0; i < 2; ++i) {
    ask(1h, [end = end_]() -> int {
      end.wait();
      throw std::bad_alloc();
    });
  }
  loop_.poll();
  release();
  run();
  EXPECT_EQ(failures_, 2);
}

TEST_F(SharedJobTest, AJobMayOutliveItsRequestAndIsListed) {
  ask(0ms);
  run();
  std::vector<RunningJob> jobs = workers_.jobs()->running();
  while (jobs.empty()) {
    jobs = workers_.jobs()->running();
  }
  EXPECT_EQ(jobs.front().step, "read");
}

}  // namespace
}  // namespace adapter::async
