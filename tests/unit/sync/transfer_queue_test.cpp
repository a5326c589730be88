// SPDX-License-Identifier: Apache-2.0
#include "transfer_queue.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_after(time);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<transport::FetchResult> transfer(std::chrono::milliseconds time) {
  co_await pause(time);
  transport::FetchResult result;
  result.pack_bytes = 7;
  co_return result;
}

asio::awaitable<void> receive(TransferQueue& queue, std::string name, std::chrono::milliseconds time,
                              std::string& order) {
  TransferQueue::Place place = co_await queue.acquire("host", 0);
  order += name;
  auto receiving = transfer(time);
  Error late(ErrorClass::timeout, "late");
  const auto deadline = steady_clock::now() + 50ms;
  try {
    const transport::FetchResult result = co_await place.receive(std::move(receiving), deadline, std::move(late));
    order += std::to_string(result.pack_bytes);
  } catch (const Error& error) {
    order += error.text();
  }
}

class TransferQueueTest : public ::testing::Test {
protected:
  asio::io_context loop_{1};
  async::TaskScope scope_{loop_.get_executor()};
  std::string order_;
};

TEST_F(TransferQueueTest, HandsAPlaceOnWhenATransferHasEnded) {
  TransferQueue queue(loop_.get_executor(), {1, 1});
  scope_.spawn("a", receive(queue, "a", 5ms, order_));
  scope_.spawn("b", receive(queue, "b", 5ms, order_));
  loop_.run();
  EXPECT_EQ(order_, "a7b7");
}

TEST_F(TransferQueueTest, EndsATransferAtItsDeadline) {
  TransferQueue queue(loop_.get_executor(), {1, 1});
  scope_.spawn("a", receive(queue, "a", 10s, order_));
  scope_.spawn("b", receive(queue, "b", 5ms, order_));
  loop_.run();
  EXPECT_EQ(order_, "alateb7");
}

TEST_F(TransferQueueTest, ACancelledOneLosesItsPlaceInTheQueue) {
  TransferQueue queue(loop_.get_executor(), {1, 1});
  async::TaskScope cancelled(loop_.get_executor());
  scope_.spawn("a", receive(queue, "a", 20ms, order_));
  cancelled.spawn("b", receive(queue, "b", 5ms, order_));
  scope_.spawn("c", receive(queue, "c", 5ms, order_));
  scope_.spawn("cancel", [](async::TaskScope& tasks) -> asio::awaitable<void> {
    co_await pause(5ms);
    tasks.cancel();
    co_await tasks.join();
  }(cancelled));
  loop_.run();
  EXPECT_EQ(order_, "a7c7");
}

TEST_F(TransferQueueTest, NothingKeepsTheLoopOnceNoneWaits) {
  TransferQueue queue(loop_.get_executor(), {1, 1});
  scope_.spawn("a", receive(queue, "a", 5ms, order_));
  scope_.spawn("b", receive(queue, "b", 5ms, order_));
  const auto began = steady_clock::now();
  loop_.run();
  EXPECT_LT(steady_clock::now() - began, 800ms) << "the tick of a queue in which one waited lasts a second";
}

}  // namespace
}  // namespace adapter::sync
