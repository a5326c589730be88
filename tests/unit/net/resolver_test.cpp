// SPDX-License-Identifier: Apache-2.0
#include "resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>

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

TEST(Resolver, RunsAtMostFourLookUpsAtOnceAndOneSlowNameDoesNotHoldUpTheOthers) {
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
  EXPECT_LE(most, static_cast<int>(Resolver::max_lookups));
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
