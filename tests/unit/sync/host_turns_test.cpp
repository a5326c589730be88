// SPDX-License-Identifier: Apache-2.0
#include "host_turns.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

class HostTurnsTest : public ::testing::Test {
protected:
  static asio::awaitable<void> hold(HostTurns& turns, std::string host, std::vector<HostTurns::Turn>& held) {
    HostTurns::Turn turn = co_await turns.acquire(std::move(host));
    held.push_back(std::move(turn));
  }

  void ask(const std::string& host) {
    scope_.spawn("ask", hold(turns_, host, held_));
    poll();
  }

  void TearDown() override {
    scope_.cancel();
    poll();
  }

  void poll() {
    loop_.restart();
    loop_.poll();
  }

  asio::io_context loop_{1};
  HostTurns turns_{loop_.get_executor(), 2};
  std::vector<HostTurns::Turn> held_;
  async::TaskScope scope_{loop_.get_executor()};
};

TEST_F(HostTurnsTest, EachHostHasItsOwn) {
  ask("a");
  ask("a");
  ask("b");
  EXPECT_EQ(held_.size(), 3U);
  ask("a");
  EXPECT_EQ(held_.size(), 3U);
  EXPECT_TRUE(held_.front().is_waited_for());
  EXPECT_FALSE(held_.back().is_waited_for()) << "the other host";
  held_.erase(held_.begin());
  poll();
  EXPECT_EQ(held_.size(), 3U);
  EXPECT_FALSE(held_.front().is_waited_for());
}

TEST_F(HostTurnsTest, ATurnIsTakenAtOnceOnlyWhereOneIsFree) {
  std::optional<HostTurns::Turn> first = turns_.try_acquire("a");
  const std::optional<HostTurns::Turn> second = turns_.try_acquire("a");
  EXPECT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(turns_.try_acquire("a").has_value());
  ask("a");
  first.reset();
  EXPECT_FALSE(turns_.try_acquire("a").has_value()) << "it is the waiter's";
  poll();
  EXPECT_EQ(held_.size(), 1U);
}

TEST_F(HostTurnsTest, ForgetsAHostWithoutTurnsAndWaiters) {
  for (int i = 0; i < 3; ++i) {
    ask("a");
  }
  held_.clear();
  poll();
  EXPECT_EQ(turns_.known_hosts(), 1U);
  held_.clear();
  EXPECT_EQ(turns_.known_hosts(), 0U);
}

TEST_F(HostTurnsTest, ACancelledWaiterLeavesNothingBehind) {
  for (int i = 0; i < 3; ++i) {
    ask("a");
  }
  scope_.cancel();
  poll();
  EXPECT_FALSE(held_.front().is_waited_for());
  held_.clear();
  EXPECT_EQ(turns_.known_hosts(), 0U);
}

TEST_F(HostTurnsTest, AReloadGivesMoreTurnsAtOnce) {
  for (int i = 0; i < 4; ++i) {
    ask("a");
  }
  EXPECT_EQ(held_.size(), 2U);
  turns_.set_per_host(3);
  poll();
  EXPECT_EQ(held_.size(), 3U);
}

TEST_F(HostTurnsTest, TheErrorOfAWaitNamesTheHost) {
  const Error error = no_connection_came_free("git.example.com:8443");
  EXPECT_EQ(error.error_class(), ErrorClass::timeout);
  EXPECT_NE(error.text().find("no connection to git.example.com:8443 came free for 15m"), std::string::npos)
      << error.text();
}

}  // namespace
}  // namespace adapter::sync
