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

}  // namespace
}  // namespace adapter::sync
