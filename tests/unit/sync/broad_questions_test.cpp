// SPDX-License-Identifier: Apache-2.0
#include "broad_questions.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"
#include "host_access.hpp"
#include "remote_group.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {
namespace {

/// Has no refs, and says so when `reply` is cancelled, where it is given.
class EmptyRemote final : public transport::Remote {
public:
  explicit EmptyRemote(asio::steady_timer* reply = nullptr) : reply_(reply) {}

  asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string>, std::size_t) override {
    co_await asio::post(asio::use_awaitable);
    if (reply_ != nullptr) {
      std::error_code woken;
      co_await reply_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    std::vector<wire::Ref> none;
    co_return none;
  }
  asio::awaitable<transport::FetchResult> fetch(wire::FetchArguments, transport::PackSink&) override {
    transport::FetchResult result;
    co_return result;
  }
  void forget_redirect() noexcept override {}
  [[nodiscard]] const std::optional<wire::Capabilities>& capabilities() const noexcept override { return none_; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return 0; }

private:
  asio::steady_timer* reply_;
  std::optional<wire::Capabilities> none_;
};

/// Transfers and broad questions at hosts that may have one connection each.
class BroadQuestionsAtSingleConnections : public testing::Test {
protected:
  static asio::awaitable<void> hold_place(TransferQueue& queue, std::string host,
                                          std::vector<TransferQueue::Place>& places) {
    TransferQueue::Place place = co_await queue.acquire(std::move(host), 0);
    places.push_back(std::move(place));
  }

  static asio::awaitable<void> ask(RemoteGroup& group, std::string host, std::vector<std::string>& out) {
    std::vector<std::string> prefixes(1, "refs/");
    co_await group.refs_below(std::move(prefixes));
    out.push_back(std::move(host));
  }

  void hold(const std::string& host) {
    scope_.spawn("transfer", hold_place(transfers_, host, held_));
    poll();
  }

  /// By the group of `remote`.
  void ask(const std::string& host, std::unique_ptr<transport::Remote> remote = std::make_unique<EmptyRemote>()) {
    groups_.push_back(
        std::make_unique<RemoteGroup>(loop_.get_executor(), std::move(remote), &transfers_, host, &questions_));
    scope_.spawn("ask", ask(*groups_.back(), host, answered_));
    poll();
  }

  void poll() {
    loop_.restart();
    loop_.poll();
  }

  asio::io_context loop_{1};
  TransferQueue transfers_{loop_.get_executor(), TransferSlots::Limits::of(8, 1)};
  BroadQuestions questions_{loop_.get_executor()};
  std::vector<TransferQueue::Place> held_;
  std::vector<std::unique_ptr<RemoteGroup>> groups_;
  std::vector<std::string> answered_;
  async::TaskScope scope_{loop_.get_executor()};
};

TEST_F(BroadQuestionsAtSingleConnections, ATransferHoldsUpNoOtherHost) {
  hold("one");
  hold("two");
  ASSERT_EQ(held_.size(), 2U);
  for (const char* const host : {"one", "two", "three"}) {
    ask(host);
  }
  EXPECT_EQ(answered_, std::vector<std::string>{"three"});
  held_.clear();
  loop_.restart();
  loop_.run();
  EXPECT_EQ(answered_.size(), 3U);
}

TEST_F(BroadQuestionsAtSingleConnections, OneThatWaitsForOtherHostsLeavesItsHostToTransfers) {
  asio::steady_timer reply(loop_.get_executor(), asio::steady_timer::time_point::max());
  for (const char* const host : {"slow", "slower"}) {
    ask(host, std::make_unique<EmptyRemote>(&reply));
  }
  ask("third");
  hold("third");
  EXPECT_EQ(held_.size(), 1U);
  EXPECT_EQ(answered_, std::vector<std::string>{});
  reply.cancel();
  poll();
  EXPECT_EQ(answered_.size(), 2U) << "the host's connection is the transfer's";
  held_.clear();
  loop_.restart();
  loop_.run();
  EXPECT_EQ(answered_, (std::vector<std::string>{"slow", "slower", "third"}));
}

/// Checks of a host that may have two connections.
TEST(ConnectionsOfAHost, ACheckIsAskedWhenItsConnectionIsThere) {
  asio::io_context loop(1);
  TransferQueue transfers(loop.get_executor(), TransferSlots::Limits::of(8, 2));
  HostTurns connections(loop.get_executor(), 2);
  const auto check = [](RemoteGroup& group, int& answers) -> asio::awaitable<void> {
    co_await group.refs(std::chrono::steady_clock::now());
    ++answers;
  };
  std::vector<HostTurns::Turn> held;
  held.push_back(connections.try_acquire("host").value());
  held.push_back(connections.try_acquire("host").value());
  RemoteGroup group(loop.get_executor(), std::make_unique<EmptyRemote>(), &transfers, "host", nullptr, &connections);
  int answers = 0;
  async::TaskScope scope(loop.get_executor());
  scope.spawn("check", check(group, answers));
  loop.poll();
  EXPECT_EQ(answers, 0);
  EXPECT_TRUE(held.front().is_waited_for());
  const auto freed_at = std::chrono::steady_clock::now();
  held.clear();
  loop.restart();
  loop.run();
  EXPECT_EQ(answers, 1);
  EXPECT_GE(group.asked_at(), freed_at) << "the wait is not part of the question";
  EXPECT_EQ(connections.known_hosts(), 0U);
}

/// Uses of 1 ms without a pause.
asio::awaitable<void> use_connections(HostTurns& connections) {
  while (true) {
    std::string host = "host";
    const HostTurns::Turn turn = co_await connections.acquire(std::move(host));
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> use_places(BroadQuestions& questions) {
  while (true) {
    const BroadQuestions::Place place = co_await questions.acquire_place();
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

/// Where the connections of a host and the places of broad questions are waited for all the time, one question needs
/// both at a time.
TEST(BroadQuestionsAtABusyHost, AreAskedAtLast) {
  asio::io_context loop(1);
  HostTurns connections(loop.get_executor(), 4);
  BroadQuestions questions(loop.get_executor());
  RemoteGroup group(loop.get_executor(), std::make_unique<EmptyRemote>(), nullptr, "host", &questions, &connections);
  async::TaskScope scope(loop.get_executor());
  for (int i = 0; i < 8; ++i) {
    scope.spawn("connections", use_connections(connections));
    scope.spawn("places", use_places(questions));
  }
  bool is_answered = false;
  const auto ask = [](RemoteGroup& asked, bool& answered) -> asio::awaitable<void> {
    std::vector<std::string> prefixes(1, "refs/");
    co_await asked.refs_below(std::move(prefixes));
    answered = true;
  };
  scope.spawn("ask", ask(group, is_answered));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!is_answered && std::chrono::steady_clock::now() < until) {
    loop.run_one();
  }
  EXPECT_TRUE(is_answered);
  scope.cancel();
  loop.run();
}

class PlacesOfTransfers : public testing::Test {
protected:
  static asio::awaitable<void> transfer(PlacesOfTransfers& test, std::string host) {
    HostAccess access = co_await acquire_place_and_connection(test.transfers_, test.connections_, host, 0);
    test.begun_.push_back(std::move(host));
    test.held_.push_back(std::move(access));
  }
  void poll() {
    loop_.restart();
    loop_.poll();
  }

  asio::io_context loop_{1};
  TransferQueue transfers_{loop_.get_executor(), TransferSlots::Limits{2, 2, false}};
  HostTurns connections_{loop_.get_executor(), 3};
  std::vector<std::string> begun_;
  std::vector<HostAccess> held_;
  async::TaskScope scope_{loop_.get_executor()};
};

/// Checks hold all connections of one host.
TEST_F(PlacesOfTransfers, OneThatWaitsForItsHostHoldsUpNoOther) {
  std::vector<HostTurns::Turn> checks;
  for (int i = 0; i < 3; ++i) {
    checks.push_back(connections_.try_acquire("busy").value());
  }
  for (const char* const host : {"busy", "busy", "quick", "other", "third"}) {
    scope_.spawn("transfer", transfer(*this, host));
    poll();
  }
  EXPECT_EQ(begun_, (std::vector<std::string>{"quick", "other"}));
  checks.clear();
  poll();
  EXPECT_EQ(begun_.size(), 2U) << "its places are taken by now";
  held_.clear();
  poll();
  EXPECT_EQ(begun_, (std::vector<std::string>{"quick", "other", "busy", "busy"})) << "before all that wait";
  held_.clear();
  poll();
  EXPECT_EQ(begun_.size(), 5U);
  held_.clear();
  poll();
}

}  // namespace
}  // namespace adapter::sync
