// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"
#include "values.hpp"

#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using Kind = RefSelection::Choice::Kind;

RefSelection::Choice found(char digit, std::string ref = "refs/heads/main") {
  RefSelection::Choice choice;
  choice.kind = Kind::found;
  choice.ref = std::move(ref);
  choice.tip = id(digit);
  return choice;
}

class MachineTest : public ::testing::Test {
protected:
  static Machine::Settings every(std::chrono::milliseconds interval) {
    Machine::Settings settings;
    settings.schedule.when = schedule::Interval{interval};
    settings.schedule.jitter = 0;
    settings.fingerprint = "settings";
    return settings;
  }

  Machine started(Machine::Settings settings) {
    Machine machine(std::move(settings), random_);
    machine.start(clock_.now, false, std::nullopt);
    return machine;
  }

  std::mt19937_64 random_{1};
  Clock clock_;
};

TEST_F(MachineTest, WhatWasNeverPublishedIsDueAtOnce) {
  const Machine machine = started(every(1h));
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(MachineTest, IsDueAgainAnIntervalAfterACheckBegan) {
  Machine machine = started(every(60s));
  machine.begin_check(clock_.now);
  clock_.advance(5s);
  EXPECT_FALSE(machine.succeed(clock_.now, published('1')));
  EXPECT_EQ(machine.phase(), Phase::waiting);
  clock_.advance(54s);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_EQ(machine.sleep_until(clock_.now), clock_.now.steady + 1s);
  clock_.advance(1s);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(MachineTest, ChecksThatFallNearlyTogetherAreMadeTogether) {
  const auto next = [&](Machine& machine, std::chrono::milliseconds took) {
    machine.begin_check(clock_.now);
    Now later = clock_.now;
    later.wall += took;
    later.steady += took;
    machine.succeed(later);
    return machine.sleep_until(later);
  };
  Machine first = started(every(10s));
  const auto due = next(first, 0s);
  EXPECT_EQ(due, clock_.now.steady + 10s);
  for (const auto after : {20ms, 60ms, 99ms}) {
    clock_.advance(after);
    Machine other = started(every(10s));
    EXPECT_EQ(next(other, 5ms), due) << after.count();
    clock_.advance(-after);
  }
  // Never by more than a hundredth of the interval or an eighth of a second, and not at all when checks are frequent.
  for (const auto interval : {40ms, 100ms, 10'000ms, 3'600'000ms}) {
    for (int step = 0; step < 50; ++step) {
      clock_.advance(7ms);
      Machine machine = started(every(interval));
      const auto off = next(machine, 0s) - (clock_.now.steady + interval);
      EXPECT_LE(std::chrono::abs(off), std::min<std::chrono::nanoseconds>(interval / 100, 125ms)) << interval.count();
    }
  }
}

TEST_F(MachineTest, DecidesByTipRefAndSettings) {
  Machine machine = started(every(60s));
  EXPECT_EQ(machine.decide(found('1')), Machine::Next::sync);
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now, published('1'));
  EXPECT_EQ(machine.decide(found('1')), Machine::Next::unchanged);
  EXPECT_EQ(machine.decide(found('2')), Machine::Next::sync);
  EXPECT_EQ(machine.decide(found('1', "refs/heads/other")), Machine::Next::sync);
  RefSelection::Choice none;
  none.kind = Kind::missing;
  EXPECT_EQ(machine.decide(none), Machine::Next::missing);
}

TEST_F(MachineTest, PublishesAgainWhenTheSettingsChanged) {
  Machine::Settings changed = every(60s);
  changed.fingerprint = "other settings";
  Machine machine(std::move(changed), random_);
  machine.restore_published(published('1'));
  machine.start(clock_.now, false, std::nullopt);
  EXPECT_EQ(machine.decide(found('1')), Machine::Next::sync);
}

TEST_F(MachineTest, BacksOffAndTellsWhenARunOfFailuresEnds) {
  Machine machine = started(every(60s));
  const auto began = clock_.now.wall;
  for (unsigned failures = 1; failures <= 3; ++failures) {
    machine.begin_check(clock_.now);
    machine.fail(clock_.now, Error(ErrorClass::network, "refused"));
    EXPECT_EQ(machine.phase(), Phase::backing_off);
    EXPECT_FALSE(machine.due(clock_.now));
    EXPECT_EQ(machine.failure()->count, failures);
    EXPECT_EQ(machine.failure()->since, began);
    clock_.advance(60s);
    EXPECT_TRUE(machine.due(clock_.now));
  }
  machine.begin_check(clock_.now);
  EXPECT_TRUE(machine.succeed(clock_.now));
  EXPECT_FALSE(machine.failure());
}

TEST_F(MachineTest, LooksForAMissingRefOnScheduleAndNotByBackOff) {
  Machine machine = started(every(10min));
  machine.begin_check(clock_.now);
  machine.fail(clock_.now, Error(ErrorClass::not_found, "no such branch"), true);
  EXPECT_EQ(machine.sleep_until(clock_.now), clock_.now.steady + 10min);
}

TEST_F(MachineTest, RespectsRetryAfterEvenWhenAsked) {
  Machine machine = started(every(1s));
  machine.begin_check(clock_.now);
  Error limited(ErrorClass::rate_limited, "429");
  limited.set_retry_after(60s);
  machine.fail(clock_.now, limited);
  machine.poke(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
  clock_.advance(59s);
  EXPECT_FALSE(machine.due(clock_.now));
  clock_.advance(10s);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(MachineTest, APokeDuringACheckIsFollowedByAnother) {
  Machine machine = started(every(1h));
  machine.begin_check(clock_.now);
  machine.poke(clock_.now);
  machine.succeed(clock_.now, published('1'));
  EXPECT_TRUE(machine.due(clock_.now));
  machine.begin_check(clock_.now);
  EXPECT_EQ(machine.answer_not_before(), clock_.now.steady);
  machine.succeed(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
}

TEST_F(MachineTest, APokeEndsABackOff) {
  Machine machine = started(every(1h));
  for (int i = 0; i < 10; ++i) {
    machine.begin_check(clock_.now);
    machine.fail(clock_.now, Error(ErrorClass::tls, "expired"));
  }
  machine.poke(clock_.now);
  EXPECT_TRUE(machine.due(clock_.now));
}

TEST_F(MachineTest, SharesAnAnswerYoungerThanAQuarterOfItsInterval) {
  Machine machine = started(every(60s));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now, published('1'));
  clock_.advance(60s);
  machine.begin_check(clock_.now);
  EXPECT_EQ(machine.answer_not_before(), clock_.now.steady - 15s);
}

TEST_F(MachineTest, RemembersARefusalForItsSettingsOnly) {
  Machine machine = started(every(60s));
  machine.refuse(id('9'), Error(ErrorClass::policy, "a name that is refused"));
  EXPECT_EQ(machine.decide(found('9')), Machine::Next::refused);
  EXPECT_EQ(machine.decide(found('8')), Machine::Next::sync);

  Machine::Settings changed = every(60s);
  changed.fingerprint = "more generous";
  Machine other(std::move(changed), random_);
  other.restore_refusals(machine.refusals());
  other.start(clock_.now, false, std::nullopt);
  EXPECT_EQ(other.decide(found('9')), Machine::Next::sync);
}

TEST_F(MachineTest, RemembersARefusalByTheVolumeForThatVolumeOnly) {
  Machine machine = started(every(60s));
  machine.set_volume("one");
  machine.refuse(id('9'), Error(ErrorClass::policy, "a name that the volume does not hold"), true);
  machine.refuse(id('8'), Error(ErrorClass::policy, "a name that is refused everywhere"));
  EXPECT_EQ(machine.decide(found('9')), Machine::Next::refused);
  EXPECT_EQ(machine.decide(found('7')), Machine::Next::sync);
  for (const auto& [volume, expected] : {std::pair{"one", Machine::Next::refused}, {"other", Machine::Next::sync}}) {
    Machine after_restart(every(60s), random_);
    after_restart.restore_refusals(machine.refusals());
    after_restart.set_volume(volume);
    after_restart.start(clock_.now, false, std::nullopt);
    EXPECT_EQ(after_restart.decide(found('9')), expected) << volume;
    EXPECT_EQ(after_restart.decide(found('8')), Machine::Next::refused) << volume;
  }
}

TEST_F(MachineTest, KeepsFewRefusals) {
  Machine machine = started(every(60s));
  for (const char digit : std::string("0123456789abcdef")) {
    machine.refuse(id(digit), Error(ErrorClass::policy, "x"));
  }
  machine.refuse(*ObjectId::from_hex("1" + std::string(39, '2')), Error(ErrorClass::policy, "x"));
  EXPECT_LE(machine.refusals().size(), 16U);
}

TEST_F(MachineTest, ForgetsTheOldestRefusalFirstAlsoAfterARestart) {
  Machine before = started(every(60s));
  for (const char digit : std::string("fedcba9876543210")) {
    before.refuse(id(digit), Error(ErrorClass::policy, "x"));
  }
  Machine machine = started(every(60s));
  machine.restore_refusals(before.refusals());
  machine.refuse(id('0'), Error(ErrorClass::policy, "again"));
  EXPECT_EQ(machine.refusals().size(), 16U);
  machine.refuse(*ObjectId::from_hex("1" + std::string(39, '2')), Error(ErrorClass::policy, "x"));
  EXPECT_FALSE(machine.refusals().contains(id('f')));
  EXPECT_TRUE(machine.refusals().contains(id('0')));
}

TEST_F(MachineTest, ASuspendedRepositoryIsNeverDue) {
  Machine::Settings settings = every(1s);
  settings.suspended = true;
  Machine machine = started(std::move(settings));
  machine.poke(clock_.now);
  clock_.advance(24h);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_EQ(machine.phase(), Phase::suspended);
  EXPECT_FALSE(machine.next_due(clock_.now));
}

class CronMachineTest : public MachineTest {
protected:
  /// Published, and looked at with success that long ago.
  Machine hourly(std::chrono::seconds ago = 0s, const std::string& fingerprint = "settings") {
    Machine::Settings settings;
    settings.schedule.when =
        schedule::CronSchedule{schedule::Cron::parse("0 * * * *", "docs").value(), schedule::Zone::utc()};
    settings.schedule.jitter = 0;
    settings.fingerprint = fingerprint;
    Machine machine(std::move(settings), random_);
    machine.restore_published(published('1'));
    machine.start(clock_.now, false, clock_.now.wall - ago);
    return machine;
  }
};

TEST_F(CronMachineTest, WaitsForItsSlotAndFiresOnce) {
  clock_.now.wall = schedule::TimePoint(std::chrono::seconds(1'700'000'000 / 3600 * 3600 + 1800));
  Machine machine = hourly();
  EXPECT_FALSE(machine.due(clock_.now));
  clock_.advance(30min);
  EXPECT_TRUE(machine.due(clock_.now));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
}

TEST_F(CronMachineTest, AStartMakesUpForWhatWasMissed) {
  clock_.now.wall = schedule::TimePoint(std::chrono::seconds(1'700'000'000 / 3600 * 3600 + 1800));
  EXPECT_FALSE(hourly(29min).due(clock_.now));
  Machine machine = hourly(31min);
  EXPECT_TRUE(machine.due(clock_.now));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
  EXPECT_EQ(machine.next_due(clock_.now), clock_.now.wall + 30min);
  EXPECT_TRUE(hourly(1min, "other settings").due(clock_.now));
}

TEST_F(CronMachineTest, ASlotDoesNotFireTwiceWhenTheClockIsSetBack) {
  clock_.now.wall = schedule::TimePoint(std::chrono::seconds(1'700'000'000 / 3600 * 3600 + 3599));
  Machine machine = hourly();
  clock_.advance(2s);
  ASSERT_TRUE(machine.due(clock_.now));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now);
  clock_.now.wall -= 4min;
  for (int i = 0; i < 20; ++i) {
    machine.notice_clock(clock_.now);
    EXPECT_FALSE(machine.due(clock_.now));
    clock_.advance(1min);
  }
}

TEST_F(CronMachineTest, GoesOnFromTheNewTimeWhenTheClockIsSetFarBack) {
  for (const auto back : std::vector<std::chrono::minutes>{10min, 12h, 24h * 365}) {
    clock_.now.wall = schedule::TimePoint(std::chrono::seconds(1'700'000'000 / 3600 * 3600 + 1800));
    Machine machine = hourly();
    clock_.advance(31min);
    machine.notice_clock(clock_.now);
    ASSERT_TRUE(machine.due(clock_.now));
    machine.begin_check(clock_.now);
    machine.succeed(clock_.now);
    clock_.advance(29min);
    machine.notice_clock(clock_.now);
    EXPECT_FALSE(machine.due(clock_.now));
    clock_.now.wall -= back;
    int minutes = 0;
    while (minutes <= 61) {
      machine.notice_clock(clock_.now);
      if (machine.due(clock_.now)) {
        break;
      }
      clock_.advance(1min);
      ++minutes;
    }
    EXPECT_LE(minutes, 60) << back.count();
  }
}

TEST_F(CronMachineTest, TheAnswerOfTheCheckBeforeASuspendDoesNotCount) {
  Machine machine = hourly();
  clock_.advance(2h);
  machine.begin_check(clock_.now);
  clock_.advance(1s);
  const auto first = clock_.now.steady;
  machine.succeed(clock_.now);
  clock_.advance(30min);
  clock_.now.wall += 6h;
  machine.begin_check(clock_.now);
  EXPECT_GE(machine.answer_not_before(), first);
}

TEST_F(MachineTest, ARetryDoesNotCountTheAnswerThatFailed) {
  Machine machine = started(every(1h));
  machine.begin_check(clock_.now);
  clock_.advance(10ms);
  const auto first = clock_.now.steady;
  machine.fail(clock_.now, Error(ErrorClass::network, "HTTP 503"));
  clock_.advance(1s);
  machine.begin_check(clock_.now);
  EXPECT_GE(machine.answer_not_before(), first);
}

TEST_F(MachineTest, RemembersARefusedCommitBeyondAGoodOne) {
  Machine machine = started(every(60s));
  machine.refuse(id('2'), Error(ErrorClass::policy, "a name"));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now, published('1'));
  EXPECT_EQ(machine.decide(found('2')), Machine::Next::refused);
}

TEST_F(MachineTest, ARemoteThatLostEverythingHasLostTheRef) {
  Machine machine = started(every(60s));
  RefSelection::Choice nothing;
  nothing.kind = Kind::empty_remote;
  EXPECT_EQ(machine.decide(nothing), Machine::Next::empty);
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now, published('1'));
  EXPECT_EQ(machine.decide(nothing), Machine::Next::missing);
}

TEST_F(CronMachineTest, SlotsMissedWhileAsleepFireOnce) {
  Machine machine = hourly();
  clock_.now.wall += 26h;  // suspended: the steady clock stood still
  EXPECT_TRUE(machine.due(clock_.now));
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now);
  EXPECT_FALSE(machine.due(clock_.now));
}

TEST_F(CronMachineTest, LooksAtTheClockAgainAtLeastEveryHalfMinute) {
  const Machine machine = hourly();
  EXPECT_LE(machine.sleep_until(clock_.now), clock_.now.steady + 30s);
}

TEST_F(CronMachineTest, AnAnswerFromBeforeTheSlotDoesNotCount) {
  clock_.now.wall = schedule::TimePoint(std::chrono::seconds(1'700'000'000 / 3600 * 3600 + 3599));
  Machine machine = hourly();
  clock_.advance(4s);
  machine.begin_check(clock_.now);
  EXPECT_EQ(machine.answer_not_before(), clock_.now.steady - 3s);
}

}  // namespace
}  // namespace adapter::sync
