// SPDX-License-Identifier: Apache-2.0
#include "resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>

#include "support/scripted.hpp"

namespace adapter::net {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<asio::ip::address>;

const asio::ip::address one = asio::ip::make_address("192.0.2.1");

asio::awaitable<void> ask(Resolver& resolver, std::string host, std::vector<Addresses>& out) {
  const Addresses addresses = co_await resolver.resolve(host, 60s);
  out.push_back(addresses);
}

void start(asio::io_context& loop, Resolver& resolver, const std::string& host, std::vector<Addresses>& out) {
  asio::co_spawn(loop, ask(resolver, host, out), [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
}

TEST(Resolver, ReadsLiteralsWithoutALookUp) {
  asio::io_context loop(1);
  Resolver resolver(loop.get_executor(), [](const std::string&) -> Result<Addresses> {
    ADD_FAILURE() << "looked up";
    return Addresses{};
  });
  std::vector<Addresses> got;
  start(loop, resolver, "192.0.2.1", got);
  start(loop, resolver, "2001:db8::7", got);
  loop.run();
  EXPECT_THAT(got, testing::ElementsAre(Addresses{one}, Addresses{asio::ip::make_address("2001:db8::7")}));
}

TEST(Resolver, SharesALookUpAndKeepsItsAnswer) {
  asio::io_context loop(1);
  std::atomic<int> lookups = 0;
  Resolver resolver(loop.get_executor(), [&lookups](const std::string&) -> Result<Addresses> {
    ++lookups;
    return Addresses{one};
  });
  std::vector<Addresses> got;
  start(loop, resolver, "git.example", got);
  start(loop, resolver, "git.example", got);
  loop.run();
  loop.restart();
  start(loop, resolver, "git.example", got);
  loop.run();
  EXPECT_THAT(got, testing::ElementsAre(Addresses{one}, Addresses{one}, Addresses{one}));
  EXPECT_EQ(lookups, 1);
}

TEST(Resolver, DoesNotKeepFailures) {
  asio::io_context loop(1);
  std::atomic<int> lookups = 0;
  Resolver resolver(loop.get_executor(), [&lookups](const std::string& host) -> Result<Addresses> {
    ++lookups;
    return Error(ErrorClass::network, "cannot resolve " + host);
  });
  for (int i = 1; i <= 2; ++i) {
    std::vector<Addresses> got;
    asio::cancellation_signal cancel;
    const test::Outcome outcome = test::run(loop, ask(resolver, "nowhere.example", got), cancel);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->error_class(), ErrorClass::network);
    EXPECT_EQ(outcome.error->text(), "cannot resolve nowhere.example");
    EXPECT_EQ(lookups, i);
  }
}

TEST(Resolver, RunsAtMostFourPromptLookUpsAtOnceAndOneSlowNameDoesNotHoldUpTheOthers) {
  asio::io_context loop(1);
  std::latch release(1);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  Resolver resolver(loop.get_executor(), [&](const std::string& host) -> Result<Addresses> {
    const int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    if (host == "slow.example") {
      release.wait();
    }
    --running;
    return Addresses{one};
  });
  std::vector<Addresses> slow;
  std::vector<Addresses> quick;
  start(loop, resolver, "slow.example", slow);
  for (int i = 0; i < 20; ++i) {
    start(loop, resolver, "quick-" + std::to_string(i) + ".example", quick);
  }
  while (quick.size() < 20) {
    loop.run_one();
  }
  EXPECT_TRUE(slow.empty());
  release.count_down();
  loop.run();
  EXPECT_EQ(slow.size(), 1U);
  EXPECT_LE(most, static_cast<int>(Resolver::max_prompt));
}

/// Names that begin with "dead" or "lost" hang until release(); the latter have no address then.
class DeadNames : public testing::Test {
protected:
  static constexpr std::chrono::milliseconds overdue_after{5};
  static constexpr std::size_t most = Resolver::max_prompt + Resolver::max_overdue;

  ~DeadNames() override {
    release();
    run_until([this] { return dead_.size() + good_.size() + lost_ == started_; });
  }

  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

  Result<Addresses> look_up(const std::string& host) {
    ++lookups_;
    const std::size_t now = ++running_;
    std::size_t seen = most_;
    while (now > seen && !most_.compare_exchange_weak(seen, now)) {
    }
    const bool lost = host.starts_with("lost");
    if (lost || host.starts_with("dead")) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return released_; });
    }
    --running_;
    if (lost) {
      return Error(ErrorClass::network, "cannot resolve " + host);
    }
    return Addresses{one};
  }

  void start_many(const std::string& prefix, std::size_t count, std::vector<Addresses>& out) {
    started_ += count;
    for (std::size_t i = 0; i < count; ++i) {
      start(loop_, resolver_, prefix + std::to_string(i) + ".example", out);
    }
  }

  void start_lost(std::size_t count) {
    started_ += count;
    for (std::size_t i = 0; i < count; ++i) {
      asio::co_spawn(loop_, ask(resolver_, "lost" + std::to_string(i) + ".example", good_),
                     [this](const std::exception_ptr& failure) { lost_ += failure ? 1U : 0U; });
    }
  }

  template <class Condition>
  void run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      loop_.restart();
      loop_.run_for(1ms);
    }
    EXPECT_TRUE(condition());
  }

  std::vector<Addresses> dead_;
  std::vector<Addresses> good_;
  std::size_t lost_ = 0;
  std::size_t started_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  std::atomic<std::size_t> lookups_ = 0;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<std::size_t> most_ = 0;
  asio::io_context loop_{1};
  Resolver resolver_{loop_.get_executor(), [this](const std::string& host) { return look_up(host); }, overdue_after};
};

TEST_F(DeadNames, DoNotHoldUpOtherNames) {
  start_many("dead", 8, dead_);
  start_many("good", 8, good_);
  run_until([this] { return good_.size() == 8; });
  EXPECT_TRUE(dead_.empty());
}

TEST_F(DeadNames, HoldABoundedNumberOfThreadsAndEachNameOne) {
  start_many("dead", 100, dead_);
  start_many("dead", 100, dead_);
  run_until([this] { return lookups_ == most; });
  loop_.run_for(4 * overdue_after);
  EXPECT_EQ(lookups_, most);
  release();
  run_until([this] { return dead_.size() == 200; });
  EXPECT_EQ(lookups_, 100U) << "equal names share a look-up";
  EXPECT_LE(most_, most);
}

TEST_F(DeadNames, ThatWereOverdueWaitForOneAnotherAndNotTheOthersForThem) {
  constexpr std::size_t all = Resolver::max_overdue;
  start_many("dead", all, dead_);
  run_until([this] { return lookups_ == all; });
  loop_.run_for(4 * overdue_after);
  start_many("dead-too", 1, dead_);  // has the place of a prompt one, and keeps it
  start_many("good", 8, good_);
  run_until([this] { return good_.size() == 8; });
  EXPECT_TRUE(dead_.empty());
}

TEST_F(DeadNames, ThatWereOverdueLastTimeTakeNoPlaceOfAPromptOne) {
  start_lost(most);
  run_until([this] { return lookups_ == most; });
  loop_.run_for(2 * overdue_after);
  release();
  run_until([this] { return lost_ == most; });
  released_ = false;
  start_lost(most);
  start_many("good", 8, good_);
  run_until([this] { return good_.size() == 8; });
  EXPECT_EQ(lost_, most) << "none of the second time";
  run_until([this] { return lookups_ >= most + Resolver::max_overdue + 8; });
  EXPECT_EQ(lookups_, most + Resolver::max_overdue + 8);
}

TEST(Resolver, TimesOutAndNamesThePhase) {
  asio::io_context loop(1);
  auto release = std::make_shared<std::latch>(1);
  {
    Resolver resolver(loop.get_executor(), [release](const std::string&) -> Result<Addresses> {
      release->wait();
      return Addresses{one};
    });
    const auto task = [](Resolver& r) -> asio::awaitable<void> {
      std::string host("slow.example");
      co_await r.resolve(std::move(host), 1ms);
    };
    asio::cancellation_signal cancel;
    const test::Outcome outcome = test::run(loop, task(resolver), cancel);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->error_class(), ErrorClass::timeout);
    EXPECT_THAT(outcome.error->text(), testing::HasSubstr("resolve of slow.example took longer than 1ms"));
  }
  // The look-up comes home after the resolver is gone: nothing may happen.
  release->count_down();
  loop.restart();
  loop.run();
}

TEST(Resolver, ACancelledWaiterDoesNotDisturbTheOthers) {
  asio::io_context loop(1);
  std::latch release(1);
  Resolver resolver(loop.get_executor(), [&](const std::string&) -> Result<Addresses> {
    release.wait();
    return Addresses{one};
  });
  std::vector<Addresses> kept;
  std::vector<Addresses> dropped;
  asio::cancellation_signal cancel;
  start(loop, resolver, "git.example", kept);
  asio::post(loop, [&] { asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); }); });
  const test::Outcome outcome = test::run(loop, ask(resolver, "git.example", dropped), cancel);
  EXPECT_TRUE(outcome.cancelled);
  release.count_down();
  loop.run();
  EXPECT_THAT(kept, testing::ElementsAre(Addresses{one}));
  EXPECT_TRUE(dropped.empty());
}

}  // namespace
}  // namespace adapter::net
