// SPDX-License-Identifier: Apache-2.0
// Waits that outlast a reload.
#include "host_waits.hpp"
#include "machine.hpp"
#include "values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

class WaitTest : public ::testing::Test {
protected:
  static Machine::Settings hourly() {
    Machine::Settings settings;
    settings.schedule.when = schedule::Interval{1h};
    settings.schedule.jitter = 0;
    settings.fingerprint = "settings";
    return settings;
  }
  static Error asked_to_wait(std::chrono::seconds time) {
    Error limited(ErrorClass::rate_limited, "429");
    limited.set_retry_after(time);
    return limited;
  }
  Machine failed(const Error& error) {
    Machine machine(hourly(), random_);
    machine.start(clock_.now, false, std::nullopt);
    machine.begin_check(clock_.now);
    machine.fail(clock_.now, error);
    return machine;
  }
  /// The machine that takes the place of `machine` at a reload.
  Machine follow(const Machine& machine, Machine::Settings settings = hourly()) {
    Machine next(std::move(settings), random_);
    next.restore_wait(machine.wait(clock_.now));
    return next;
  }

  std::mt19937_64 random_{1};
  Clock clock_;
};

TEST_F(WaitTest, AReloadKeepsWhatTheHostAskedFor) {
  const Machine before = failed(asked_to_wait(600s));
  clock_.advance(10s);
  Machine machine = follow(before);
  machine.start(clock_.now, true, std::nullopt);
  EXPECT_EQ(machine.phase(), Phase::backing_off);
  ASSERT_TRUE(machine.failure());
  EXPECT_EQ(machine.failure()->text, "429");
  machine.poke(clock_.now);
  clock_.advance(589s);
  EXPECT_FALSE(machine.due(clock_.now));
  clock_.advance(63s);  // a tenth more at the most, and a second
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(WaitTest, ACheckThatWasAskedForBeforeTheReloadWaitsToo) {
  Machine machine = follow(failed(asked_to_wait(600s)));
  machine.poke(clock_.now);
  machine.start(clock_.now, false, std::nullopt);
  EXPECT_FALSE(machine.due(clock_.now));
}

TEST_F(WaitTest, AMissedSlotOfACronScheduleWaitsToo) {
  Machine::Settings settings = hourly();
  settings.schedule.when =
      schedule::CronSchedule{schedule::Cron::parse("* * * * *", "docs").value(), schedule::Zone::utc()};
  Machine machine = follow(failed(asked_to_wait(600s)), settings);
  machine.restore_published(published('1'));
  machine.start(clock_.now, false, std::nullopt);
  clock_.advance(590s);
  EXPECT_FALSE(machine.due(clock_.now));
  clock_.advance(72s);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(WaitTest, AReloadKeepsABackOffThatTheConfigurationDoesNotCure) {
  const Machine before = failed(Error(ErrorClass::rate_limited, "429"));  // 30 s at least
  Machine machine = follow(before);
  machine.start(clock_.now, false, std::nullopt);
  clock_.advance(29s);
  EXPECT_FALSE(machine.due(clock_.now));
  machine.poke(clock_.now);
  EXPECT_TRUE(machine.due(clock_.now)) << "a back-off that no host asked for ends when a check is asked for";
}

TEST_F(WaitTest, AReloadEndsABackOffThatTheConfigurationMayCure) {
  for (const ErrorClass error_class : {ErrorClass::tls, ErrorClass::timeout, ErrorClass::auth, ErrorClass::limit}) {
    Machine machine = follow(failed(Error(error_class, "wrong")));
    machine.start(clock_.now, false, std::nullopt);
    EXPECT_TRUE(machine.due(clock_.now));
    EXPECT_FALSE(machine.failure());
  }
}

TEST_F(WaitTest, ABackOffThatIsOverIsNoWait) {
  Machine before = failed(Error(ErrorClass::rate_limited, "429"));
  before.poke(clock_.now);
  before.begin_check(clock_.now);
  before.fail(clock_.now, Error(ErrorClass::not_found, "no such branch"), true);
  EXPECT_FALSE(before.wait(clock_.now).failure);
}

TEST_F(WaitTest, APinnedCommitThatIsPublishedAsksNoHostAndWaitsForNone) {
  Machine::Settings settings = hourly();
  settings.pinned = true;
  Machine machine = follow(failed(asked_to_wait(600s)), settings);
  machine.restore_published(published('1'));
  machine.start(clock_.now, false, std::nullopt);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(WaitTest, ASlotThatASetClockMovesIntoTheWaitIsPutOff) {
  Machine::Settings settings = hourly();
  settings.schedule.when =
      schedule::CronSchedule{schedule::Cron::parse("0 * * * *", "docs").value(), schedule::Zone::utc()};
  Machine machine = follow(failed(asked_to_wait(600s)), settings);
  machine.restore_published(published('1'));
  machine.start(clock_.now, false, clock_.now.wall);
  clock_.now.wall += 2h;
  clock_.now.steady += 60s;
  machine.notice_clock(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_GT(machine.sleep_until(clock_.now), clock_.now.steady + 500s) << "neither does it look again and again";
  clock_.advance(602s);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(WaitTest, AFailureOfTheVolumeEndsNoWait) {
  for (const Error& error : {asked_to_wait(600s), Error(ErrorClass::rate_limited, "429")}) {
    Machine machine = follow(failed(error));
    machine.fail(clock_.now, Error(ErrorClass::storage, "read-only"));  // recovery, before the start
    clock_.advance(10s);
    machine.start(clock_.now, false, std::nullopt);
    EXPECT_FALSE(machine.due(clock_.now));
  }
}

TEST_F(WaitTest, WhatNeedsNoRemoteWaitsForNoHost) {
  for (const bool poked : {false, true}) {
    Machine machine = follow(failed(asked_to_wait(10h)));
    if (poked) {
      machine.poke(clock_.now);
    }
    machine.fail(clock_.now, Error(ErrorClass::storage, "read-only"));
    EXPECT_LE(machine.retry_at(), clock_.now.steady + 10s);
    machine.start(clock_.now, false, std::nullopt);
    machine.heal_soon(clock_.now);
    EXPECT_TRUE(machine.heal_due(clock_.now));
    EXPECT_FALSE(machine.due(clock_.now));
    EXPECT_EQ(machine.sleep_until(clock_.now), clock_.now.steady);
    machine.begin_healing();
    EXPECT_FALSE(machine.heal_due(clock_.now));
    machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
    EXPECT_FALSE(machine.heal_due(clock_.now));
    clock_.advance(10s);
    EXPECT_TRUE(machine.heal_due(clock_.now)) << "tried again with the back-off of its class";
    EXPECT_FALSE(machine.due(clock_.now));
  }
}

TEST_F(WaitTest, WhatIsLostWhileACheckRunsIsHealedThoughTheCheckFails) {
  for (const Error& error : {asked_to_wait(10h), Error(ErrorClass::network, "reset")}) {
    Machine machine(hourly(), random_);
    machine.start(clock_.now, false, std::nullopt);
    machine.begin_check(clock_.now);
    machine.heal_soon(clock_.now);
    machine.fail(clock_.now, error);
    EXPECT_TRUE(machine.heal_due(clock_.now));
  }
}

TEST_F(WaitTest, AHealingThatFailsInAWaitIsTriedAgainWhateverItsClass) {
  for (const ErrorClass error_class : {ErrorClass::timeout, ErrorClass::limit, ErrorClass::corrupt}) {
    Machine machine = follow(failed(asked_to_wait(100h)));
    machine.start(clock_.now, false, std::nullopt);
    machine.begin_healing();
    machine.fail(clock_.now, Error(error_class, "it took too long"));
    clock_.advance(1h);
    EXPECT_TRUE(machine.heal_due(clock_.now));
    EXPECT_FALSE(machine.due(clock_.now));
  }
}

TEST_F(WaitTest, AHealedVolumeLeavesTheFailureOfTheRemote) {
  Machine machine = follow(failed(asked_to_wait(10h)));
  machine.start(clock_.now, false, std::nullopt);
  for (int i = 0; i < 3; ++i) {
    machine.begin_healing();
    machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
  }
  machine.begin_healing();
  EXPECT_TRUE(machine.end_healing());
  ASSERT_TRUE(machine.failure());
  EXPECT_EQ(machine.failure()->text, "429");
  machine.begin_healing();
  EXPECT_FALSE(machine.end_healing());
  EXPECT_TRUE(machine.failure());
}

TEST_F(WaitTest, AHealingThatFailsLeavesTheRemoteItsTime) {
  Machine::Settings yearly = hourly();
  yearly.schedule.when = schedule::CronSchedule{*schedule::Cron::parse("0 3 1 1 *", ""), schedule::Zone::utc()};
  for (const Machine::Settings& settings : {hourly(), yearly}) {
    Machine machine(settings, random_);
    machine.start(clock_.now, false, std::nullopt);
    machine.begin_check(clock_.now);
    machine.succeed(clock_.now, published('1'));
    const auto planned = machine.next_due(clock_.now);
    machine.heal_soon(clock_.now);
    for (int i = 0; i < 3; ++i) {
      machine.begin_healing();
      machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
      EXPECT_EQ(machine.next_due(clock_.now), planned);
      clock_.advance(10s);
      EXPECT_TRUE(machine.heal_due(clock_.now));
      EXPECT_FALSE(machine.due(clock_.now));
    }
    machine.begin_healing();
    EXPECT_TRUE(machine.end_healing());
    EXPECT_FALSE(machine.due(clock_.now));
    EXPECT_EQ(machine.next_due(clock_.now), planned);
  }
}

TEST_F(WaitTest, FailuresOfAHealingAreCountedApartFromThoseOfTheRemote) {
  Machine machine = failed(Error(ErrorClass::network, "reset"));
  machine.begin_check(clock_.now);
  machine.enter(Phase::checking);
  machine.fail(clock_.now, Error(ErrorClass::network, "reset"));
  for (std::uint32_t count = 1; count < 4; ++count) {
    machine.begin_healing();
    machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
    EXPECT_EQ(machine.failure()->count, count);
  }
  machine.begin_healing();
  EXPECT_TRUE(machine.end_healing());
  EXPECT_EQ(machine.failure()->count, 2U);
}

TEST_F(WaitTest, AFailureThatEndedDoesNotComeBackByALaterHealing) {
  Machine machine = follow(failed(Error(ErrorClass::network, "reset")));
  machine.start(clock_.now, false, std::nullopt);
  machine.begin_healing();
  machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
  machine.begin_check(clock_.now);
  machine.enter(Phase::checking);
  EXPECT_TRUE(machine.succeed(clock_.now));
  machine.begin_healing();
  EXPECT_FALSE(machine.end_healing());
  EXPECT_FALSE(machine.failure());
}

/// It says nothing about what a publish needs.
TEST_F(WaitTest, AHealedLinkDoesNotEndTheFailureOfAPublish) {
  Machine machine(hourly(), random_);
  machine.start(clock_.now, false, std::nullopt);
  machine.begin_check(clock_.now);
  machine.enter(Phase::publishing);
  machine.fail(clock_.now, Error(ErrorClass::storage, "the volume is full"));
  machine.begin_healing();
  EXPECT_FALSE(machine.end_healing());
  ASSERT_TRUE(machine.failure());
  EXPECT_EQ(machine.failure()->text, "the volume is full");
  machine.begin_check(clock_.now);
  machine.fail(clock_.now, Error(ErrorClass::storage, "something is in the way"));
  machine.begin_healing();
  EXPECT_TRUE(machine.end_healing()) << "a check begins with the same look";
}

TEST_F(WaitTest, ASuspendedRepositoryStaysSoAfterARecoveryThatFailedOnce) {
  Machine::Settings settings = hourly();
  settings.suspended = true;
  Machine machine(settings, random_);
  machine.fail(clock_.now, Error(ErrorClass::storage, "read-only"));
  machine.start(clock_.now, false, std::nullopt);
  clock_.advance(100h);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_FALSE(machine.heal_due(clock_.now));
  EXPECT_FALSE(machine.failure());
}

TEST_F(WaitTest, ASuspendedRepositoryHealsNothing) {
  Machine::Settings settings = hourly();
  settings.suspended = true;
  Machine machine(settings, random_);
  machine.start(clock_.now, false, std::nullopt);
  machine.heal_soon(clock_.now);
  EXPECT_FALSE(machine.heal_due(clock_.now));
}

TEST_F(WaitTest, AWaitOfTheHostHoldsARepositoryThatWasNotAsked) {
  Machine machine(hourly(), random_);
  machine.start(clock_.now, false, std::nullopt);
  machine.hold_with_host(clock_.now.steady + 30s);
  machine.poke(clock_.now);
  EXPECT_EQ(machine.next_due(clock_.now), clock_.now.wall + 30s);
  clock_.advance(29s);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_EQ(machine.sleep_until(clock_.now), clock_.now.steady + 1s);
  clock_.advance(1s);
  EXPECT_TRUE(machine.due(clock_.now));
  machine.hold_with_host(clock_.now.steady + 30s);
  EXPECT_FALSE(machine.due(clock_.now));
  machine.hold_with_host({});
  EXPECT_TRUE(machine.due(clock_.now)) << "the host answered another repository";
}

TEST_F(WaitTest, ARepositoryWaitsALittleLongerThanItsHostAskedOthersTo) {
  const auto now = clock_.now.steady;
  WaitWithHost wait;
  const auto until = wait.until(now + 100s, {}, now, random_);
  EXPECT_GE(until, now + 100s);
  EXPECT_LE(until, now + 111s);
  EXPECT_EQ(wait.until(now + 100s, {}, now + 50s, random_), until) << "it does not move";
  EXPECT_NE(WaitWithHost().until(now + 100s, {}, now, random_), until) << "not all in one instant";
  EXPECT_EQ(wait.until({}, {}, now + 50s, random_), WaitWithHost::TimePoint());
  EXPECT_EQ(wait.until(now + 100s, now + 100s, now, random_), WaitWithHost::TimePoint()) << "it was asked itself";
}

}  // namespace
}  // namespace adapter::sync
