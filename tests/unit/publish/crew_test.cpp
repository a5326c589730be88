// SPDX-License-Identifier: Apache-2.0
#include "crew.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::publish {
namespace {

using namespace std::chrono_literals;

asio::awaitable<void> note_start(async::Workers& workers, std::promise<void>& started) {
  auto job = [&started](const std::stop_token&) { started.set_value(); };
  co_await async::run_blocking(workers, std::move(job), "a job of another repository");
}

/// All workers but one have jobs with helpers that are busy, or wait for something to do, for as long as the job runs.
TEST(Crew, HelpersHaveNoThreadThatAJobWaitsFor) {
  constexpr std::size_t busy = 3;
  asio::io_context loop(1);
  async::TaskScope scope(loop.get_executor());
  async::Workers workers(busy + 1);
  const std::size_t most = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, busy);
  std::atomic<std::size_t> members{0};
  std::atomic<bool> done{false};
  std::vector<std::promise<void>> ended(busy);
  for (std::promise<void>& end : ended) {
    workers.post(async::Lane::work, [&] {
      Crew(workers, 1).run([&] {
        ++members;
        while (!done) {
          std::this_thread::sleep_for(1ms);
        }
      });
      end.set_value();
    });
  }
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (members < busy + most && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(members, busy + most) << "helpers did not join";
  std::promise<void> started;
  std::future<void> other_job = started.get_future();
  scope.spawn("other", note_start(workers, started));
  loop.run_for(10s);
  EXPECT_EQ(other_job.wait_for(0s), std::future_status::ready) << "it waited for a helper";
  done = true;
  for (std::promise<void>& end : ended) {
    EXPECT_EQ(end.get_future().wait_for(10s), std::future_status::ready);
  }
}

TEST(Crew, OfASingleWorkerIsTheJobAlone) {
  async::Workers workers(1);
  std::promise<int> ended;
  workers.post(async::Lane::work, [&] {
    std::atomic<int> members{0};
    Crew(workers, 1).run([&] {
      ++members;
      std::this_thread::sleep_for(20ms);
    });
    ended.set_value(members);
  });
  EXPECT_EQ(ended.get_future().get(), 1);
}

}  // namespace
}  // namespace adapter::publish
