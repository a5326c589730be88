// SPDX-License-Identifier: Apache-2.0
#include "sync_permits.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using Names = std::multiset<std::string>;

class SyncPermitsTest : public ::testing::Test {
protected:
  struct User {
    explicit User(const asio::any_io_executor& executor) : scope(executor), release(executor) {}
    async::TaskScope scope;
    async::Wakeup release;
  };

  ~SyncPermitsTest() override {
    for (auto& [name, user] : users_) {
      user->scope.cancel();
    }
    settle();
  }

  static asio::awaitable<void> use(SyncPermitsTest& test, User& user, std::string name) {
    const SyncPermits::Permit permit = co_await test.permits_.acquire(name);
    test.holders_.insert(name);
    std::exception_ptr failure;
    try {
      co_await user.release.wait_until(std::chrono::steady_clock::time_point::max());
    } catch (...) {
      failure = std::current_exception();
    }
    test.holders_.erase(name);
    if (failure) {
      std::rethrow_exception(failure);
    }
  }

  /// Asks for a permit and keeps it until release().
  void acquire(const std::string& name) {
    auto& user = users_[name];
    user = std::make_unique<User>(loop_.get_executor());
    user->scope.spawn(name, use(*this, *user, name));
    settle();
  }
  void release(const std::string& name) {
    users_.at(name)->release.wake();
    settle();
  }
  void cancel(const std::string& name) {
    users_.at(name)->scope.cancel();
    settle();
  }
  /// Time passes, and what waits is looked at as it is from time to time.
  void pass(std::chrono::milliseconds time) {
    now_ += time;
    permits_.resize(limit_);
    settle();
  }
  void has_used(const std::string& name, std::chrono::milliseconds time) {
    acquire(name);
    now_ += time;
    release(name);
  }
  void settle() {
    loop_.restart();
    loop_.poll();
  }

  asio::io_context loop_{1};
  PermitUse::TimePoint now_{100h};
  std::size_t limit_ = 4;
  SyncPermits permits_{loop_.get_executor(), limit_, [this] { return now_; }};
  std::map<std::string, std::unique_ptr<User>> users_;
  Names holders_;
};

TEST_F(SyncPermitsTest, ServesTheRepositoryFirstThatHasUsedLeast) {
  has_used("heavy", 8s);
  has_used("busy", 1s);
  for (const char* const holder : {"a", "b", "c", "d"}) {
    acquire(holder);
  }
  for (const char* const waiter : {"heavy", "busy", "light", "other"}) {
    acquire(waiter);
  }
  release("a");
  EXPECT_EQ(holders_, (Names{"b", "c", "d", "light"}));
  release("b");
  EXPECT_EQ(holders_, (Names{"c", "d", "light", "other"}));
  release("c");
  EXPECT_EQ(holders_, (Names{"d", "light", "other", "busy"}));
  release("d");
  EXPECT_EQ(holders_, (Names{"light", "other", "busy", "heavy"}));
}

TEST_F(SyncPermitsTest, LeavesTheLastPermitToALightNeighbour) {
  for (const char* const heavy : {"1", "2", "3", "4"}) {
    has_used(heavy, 30s);
  }
  for (const char* const heavy : {"1", "2", "3", "4"}) {
    acquire(heavy);
  }
  EXPECT_EQ(holders_, (Names{"1", "2", "3"}));
  acquire("light");
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "light"}));
  release("light");
  EXPECT_EQ(holders_, (Names{"1", "2", "3"}));
  release("2");
  EXPECT_EQ(holders_, (Names{"1", "3", "4"}));
}

TEST_F(SyncPermitsTest, GivesOneMoreWhileAllAreHeldForLong) {
  for (const char* const name : {"1", "2", "3", "4", "light", "other"}) {
    acquire(name);  // of none of them anything is known
  }
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "4"}));
  pass(4s);
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "4"}));
  pass(2s);
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "4", "light"}));
  release("1");
  EXPECT_EQ(holders_, (Names{"2", "3", "4", "light"})) << "no more than four when not all of them are long";
  release("light");
  EXPECT_EQ(holders_, (Names{"2", "3", "4", "other"}));
}

TEST_F(SyncPermitsTest, OneThatHasUsedMuchDoesNotTakeTheOneMore) {
  has_used("5", 30s);
  for (const char* const name : {"1", "2", "3", "4", "5"}) {
    acquire(name);
  }
  pass(20s);
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "4"}));
  acquire("light");
  EXPECT_EQ(holders_, (Names{"1", "2", "3", "4", "light"}));
}

TEST_F(SyncPermitsTest, AHeavyOneLeavesTheLastPermitFreeForAMinuteThoughOthersNeverRest) {
  limit_ = 2;
  permits_.resize(limit_);
  has_used("heavy", 600s);
  acquire("light 0");
  acquire("heavy");
  int rounds = 0;
  while (!holders_.contains("heavy") && rounds < 1000) {
    ++rounds;  // one light repository after the other, so that there is always one at work
    acquire("light " + std::to_string(rounds));
    release("light " + std::to_string(rounds - 1));
    pass(1s);
  }
  EXPECT_EQ(rounds, 60);
}

TEST_F(SyncPermitsTest, TheOneMoreIsForLightOnesHoweverLongAHeavyOneWaits) {
  has_used("heavy", 600s);
  for (const char* const name : {"1", "2", "3", "4"}) {
    acquire(name);
  }
  acquire("heavy");
  pass(6s);
  pass(100s);
  EXPECT_FALSE(holders_.contains("heavy")) << "all are held for long: the one more is for those that come";
  acquire("light");
  EXPECT_TRUE(holders_.contains("light"));
}

/// A timer that has expired is in the queue of the loop, and cancelling it does not take it back.
TEST(SyncPermits, ALookThatOutlastsThemTouchesNothing) {
  asio::io_context loop(1);
  auto permits = std::make_unique<SyncPermits>(loop.get_executor(), 1);
  auto scope = std::make_unique<async::TaskScope>(loop.get_executor());
  const auto take = [](SyncPermits& from, std::string name) -> asio::awaitable<void> {
    const SyncPermits::Permit permit = co_await from.acquire(std::move(name));
    async::Wakeup never(co_await asio::this_coro::executor);
    co_await never.wait_until(std::chrono::steady_clock::time_point::max());
  };
  scope->spawn("holder", take(*permits, "holder"));
  scope->spawn("waiter", take(*permits, "waiter"));
  loop.poll();
  std::this_thread::sleep_for(600ms);  // until the look is due
  asio::post(loop, [&] {
    scope->cancel();
    asio::post(loop, [&] { asio::post(loop, [&] { permits.reset(); }); });
  });
  loop.restart();
  loop.poll();
  EXPECT_EQ(permits, nullptr);
}

TEST_F(SyncPermitsTest, AHeavyOneGetsItsTurnWhenTheOthersRest) {
  limit_ = 2;
  permits_.resize(limit_);
  has_used("heavy", 30s);
  acquire("light");
  acquire("heavy");
  EXPECT_EQ(holders_, Names{"light"});
  release("light");
  EXPECT_EQ(holders_, Names{"heavy"});
}

TEST_F(SyncPermitsTest, TheOnlyPermitIsForAll) {
  limit_ = 1;
  permits_.resize(limit_);
  has_used("heavy", 60s);
  acquire("heavy");
  EXPECT_EQ(holders_, Names{"heavy"});
  acquire("light");
  pass(60s);
  EXPECT_EQ(holders_, Names{"heavy"});
  release("heavy");
  EXPECT_EQ(holders_, Names{"light"});
}

TEST_F(SyncPermitsTest, TimeAloneWakesAWaiter) {
  for (const char* const name : {"1", "2", "3", "4", "light"}) {
    acquire(name);
  }
  now_ += 6s;
  loop_.restart();
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!holders_.contains("light") && std::chrono::steady_clock::now() < give_up) {
    loop_.run_one_for(1s);
  }
  EXPECT_TRUE(holders_.contains("light"));
}

TEST_F(SyncPermitsTest, NoPermitIsLostUnderRandomUseAndCancellation) {
  std::mt19937 random(5);
  for (int step = 0; step < 3000; ++step) {
    const std::string name = std::to_string(random() % 12);
    const auto place = users_.find(name);
    const bool running = place != users_.end() && place->second->scope.size() != 0;
    if (!running) {
      acquire(name);
    } else if (holders_.contains(name) && random() % 2 == 0) {
      release(name);
    } else if (random() % 4 == 0) {
      cancel(name);
    }
    pass(std::chrono::milliseconds(random() % 4000));
    ASSERT_LE(holders_.size(), limit_ + 1);
    std::size_t running_users = 0;
    for (const auto& [waiter, user] : users_) {
      running_users += user->scope.size();
    }
    // Only one that is heavy waits beside a free permit, and only for the last one.
    ASSERT_GE(holders_.size(), std::min(running_users, limit_ - 1)) << step;
  }
  for (int left = 0; left < 200 && !holders_.empty(); ++left) {
    release(*holders_.begin());
  }
  for (const auto& [name, user] : users_) {
    EXPECT_EQ(user->scope.size(), 0U) << name;
  }
}

}  // namespace
}  // namespace adapter::sync
