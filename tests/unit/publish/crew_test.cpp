// SPDX-License-Identifier: Apache-2.0
#include "crew.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "adapter/async/task_scope.hpp"

namespace adapter::publish {
namespace {

using namespace std::chrono_literals;

asio::awaitable<void> note_start(async::Workers& workers, std::promise<void>& started) {
  auto job = [&started](const std::stop_token&) { started.set_value(); };
  co_await async::run_blocking(workers, std::move(job), "a job of another repository");
}

/// Two threads: the job's own, and one that helps until a job waits.
TEST(Crew, AHelperLeavesWhenAJobWaitsForItsThread) {
  asio::io_context loop(1);
  async::TaskScope scope(loop.get_executor());
  async::Workers workers(2);
  std::promise<void> helps;
  std::promise<void> started;
  std::future<void> other_job = started.get_future();
  std::atomic<bool> done{false};
  std::promise<void> ended;
  asio::post(workers.pool(), [&] {
    const auto own = std::this_thread::get_id();
    Crew(workers, 1).run([&](const Crew::Leave& leave) {
      if (std::this_thread::get_id() != own) {
        helps.set_value();
      }
      while (!done && !leave()) {
        std::this_thread::sleep_for(1ms);
      }
    });
    ended.set_value();
  });
  ASSERT_EQ(helps.get_future().wait_for(10s), std::future_status::ready);
  scope.spawn("other", note_start(workers, started));
  loop.run_for(10s);
  EXPECT_EQ(other_job.wait_for(0s), std::future_status::ready) << "it waited for a helper";
  done = true;
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST(Crew, TheJobsOwnThreadNeverLeaves) {
  async::Workers workers(1);
  std::promise<bool> left;
  asio::post(workers.pool(), [&] {
    const auto waiting = workers.wait_in(async::Lane::work);
    Crew(workers, 1).run([&](const Crew::Leave& leave) { left.set_value(leave()); });
  });
  EXPECT_FALSE(left.get_future().get());
}

}  // namespace
}  // namespace adapter::publish
