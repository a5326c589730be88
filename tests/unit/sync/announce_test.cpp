// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "machine.hpp"
#include "values.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

/// A machine that is polled every hour and has published commit 1.
class AnnounceTest : public ::testing::Test {
protected:
  AnnounceTest() : machine_(settings(), random_) {
    machine_.start(now_, false, std::nullopt);
    check(published('1'));
  }

  static Machine::Settings settings() {
    Machine::Settings settings;
    settings.schedule.when = schedule::Interval{1h};
    settings.schedule.jitter = 0;
    settings.fingerprint = "settings";
    settings.every_when_hooked = 24h;
    return settings;
  }

  void advance(std::chrono::milliseconds by) {
    now_.wall += by;
    now_.steady += by;
  }
  void check(const std::optional<Published>& outcome = std::nullopt) {
    machine_.begin_check(now_);
    machine_.succeed(now_, outcome);
  }
  [[nodiscard]] std::chrono::milliseconds wait() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(machine_.sleep_until(now_) - now_.steady);
  }

  std::mt19937_64 random_{1};
  Now now_{schedule::TimePoint(std::chrono::seconds(1'700'000'000)), std::chrono::steady_clock::time_point(1h)};
  Machine machine_;
};

TEST_F(AnnounceTest, AsksAtOnceForAFreshAnswer) {
  advance(10min);
  machine_.announce(now_, id('2'));
  EXPECT_TRUE(machine_.due(now_));
  machine_.begin_check(now_);
  EXPECT_EQ(machine_.answer_not_before(), now_.steady);
}

TEST_F(AnnounceTest, LooksAgainWhileTheCommitIsNotToBeSeen) {
  machine_.announce(now_, id('2'));
  check();
  for (const auto step : {1s, 2s, 4s, 8s, 15s}) {
    EXPECT_EQ(wait(), step);
    advance(step);
    EXPECT_TRUE(machine_.due(now_));
    machine_.begin_check(now_);
    EXPECT_EQ(machine_.answer_not_before(), now_.steady) << "an answer from before is none";
    machine_.succeed(now_);
  }
  EXPECT_NEAR(static_cast<double>(wait().count()), 24.0 * 3'600'000, 1000);
}

TEST_F(AnnounceTest, IsContentOnceTheCommitIsPublished) {
  machine_.announce(now_, id('2'));
  check();
  advance(1s);
  check(published('2'));
  EXPECT_GT(wait(), 1h);
}

TEST_F(AnnounceTest, AnotherCommitOnTheWayDoesNotEndTheLooking) {
  machine_.announce(now_, id('3'));
  check(published('2'));
  EXPECT_EQ(wait(), 1s);
}

TEST_F(AnnounceTest, LooksAgainForABranchThatIsNotThereYet) {
  machine_.announce(now_, id('2'));
  for (const auto step : {1s, 2s, 4s, 8s, 15s}) {
    machine_.begin_check(now_);
    machine_.fail(now_, Error(ErrorClass::not_found, "the remote has no ref \"new\""), true);
    EXPECT_EQ(wait(), step);
    advance(step);
  }
  machine_.begin_check(now_);
  machine_.fail(now_, Error(ErrorClass::not_found, "the remote has no ref \"new\""), true);
  EXPECT_GT(wait(), 1h);
}

TEST_F(AnnounceTest, ACommitThatCannotBePublishedWasSeen) {
  machine_.announce(now_, id('2'));
  machine_.begin_check(now_);
  machine_.refuse(id('2'), Error(ErrorClass::policy, "a name"));
  machine_.fail(now_, Error(ErrorClass::policy, "a name"), true);
  EXPECT_GT(wait(), 1h);
}

TEST_F(AnnounceTest, IsAskedUntilTheCheckHasEnded) {
  EXPECT_FALSE(machine_.asked());
  machine_.announce(now_, std::nullopt);
  EXPECT_TRUE(machine_.asked());
  machine_.begin_check(now_);
  EXPECT_TRUE(machine_.asked());
  machine_.succeed(now_);
  EXPECT_FALSE(machine_.asked());
  advance(24h);
  machine_.begin_check(now_);
  EXPECT_FALSE(machine_.asked()) << "nobody did: it was due";
}

TEST_F(AnnounceTest, WithoutACommitThereIsOneCheck) {
  machine_.announce(now_, std::nullopt);
  EXPECT_TRUE(machine_.due(now_));
  check();
  EXPECT_GT(wait(), 1h);
}

TEST_F(AnnounceTest, DeliveriesCauseOneCheckASecond) {
  int checks = 0;
  for (int i = 0; i < 10'000; ++i) {  // ten seconds
    machine_.announce(now_, std::nullopt);
    if (machine_.due(now_)) {
      check();
      ++checks;
    }
    advance(1ms);
  }
  EXPECT_EQ(checks, 10);
  EXPECT_LE(wait(), 1s) << "the last ones are not lost";
}

TEST_F(AnnounceTest, OneThatComesDuringASyncIsFollowedByAnother) {
  machine_.announce(now_, id('2'));
  machine_.begin_check(now_);
  advance(5s);
  machine_.announce(now_, id('3'));
  machine_.succeed(now_, published('2'));
  EXPECT_TRUE(machine_.due(now_));
}

TEST_F(AnnounceTest, PollingRelaxesUntilItFindsWhatNobodyAnnounced) {
  EXPECT_FALSE(machine_.hooked());
  machine_.announce(now_, id('2'));
  check(published('2'));
  EXPECT_TRUE(machine_.hooked());
  EXPECT_NEAR(static_cast<double>(wait().count()), 24.0 * 3'600'000, 1000);
  advance(24h);
  machine_.begin_check(now_);
  EXPECT_TRUE(machine_.note_change());
  machine_.succeed(now_, published('3'));
  EXPECT_FALSE(machine_.hooked());
  EXPECT_NEAR(static_cast<double>(wait().count()), 3'600'000, 1000);
}

TEST_F(AnnounceTest, WhatIsFoundWhenAskedForSaysNothingAboutDeliveries) {
  machine_.announce(now_, id('2'));
  machine_.begin_check(now_);
  EXPECT_FALSE(machine_.note_change());
  machine_.succeed(now_, published('2'));
  machine_.poke(now_);
  machine_.begin_check(now_);
  EXPECT_FALSE(machine_.note_change());
  EXPECT_TRUE(machine_.hooked());
}

TEST_F(AnnounceTest, AHostThatAskedToWaitIsLeftAlone) {
  machine_.begin_check(now_);
  Error limited(ErrorClass::rate_limited, "too many requests");
  limited.set_retry_after(60s);
  machine_.fail(now_, limited);
  const auto before = wait();
  machine_.announce(now_, id('2'));
  EXPECT_FALSE(machine_.due(now_));
  EXPECT_EQ(wait(), before);
}

TEST_F(AnnounceTest, ASuspendedOneStaysSuspended) {
  Machine::Settings suspended = settings();
  suspended.suspended = true;
  Machine machine(suspended, random_);
  machine.start(now_, false, std::nullopt);
  machine.announce(now_, id('2'));
  EXPECT_FALSE(machine.due(now_));
}

TEST_F(AnnounceTest, CronRelaxesToo) {
  Machine::Settings settings = AnnounceTest::settings();
  settings.schedule.when =
      schedule::CronSchedule{schedule::Cron::parse("*/5 * * * *", "docs").value(), schedule::Zone::utc()};
  Machine machine(settings, random_);
  machine.restore_published(published('1'));
  machine.start(now_, false, std::nullopt);
  machine.announce(now_, id('1'));
  machine.begin_check(now_);
  machine.succeed(now_);
  EXPECT_GT(*machine.next_due(now_) - now_.wall, 23h);
}

}  // namespace
}  // namespace adapter::sync
