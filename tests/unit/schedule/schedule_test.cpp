// SPDX-License-Identifier: Apache-2.0
#include "adapter/schedule/schedule.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace adapter::schedule {
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::cron;
using testing::zone;

const TimePoint noon = at("2026-05-04T12:00Z");

Schedule every(std::chrono::milliseconds interval, double jitter) {
  return Schedule{Interval{interval}, jitter};
}

Schedule by_cron(std::string_view expression, double jitter, std::string_view zone_name = "UTC") {
  return Schedule{CronSchedule{cron(expression), zone(zone_name)}, jitter};
}

TEST(IntervalSchedule, CountsFromTheBeginningOfTheLastCheck) {
  std::mt19937_64 random(1);
  EXPECT_EQ(every(60s, 0).next_due(noon, noon + 3s, random), noon + 60s);
}

TEST(IntervalSchedule, SpreadsByItsJitterBothWays) {
  std::mt19937_64 random(2);
  TimePoint earliest = TimePoint::max();
  TimePoint latest = TimePoint::min();
  for (int i = 0; i < 5000; ++i) {
    const TimePoint due = every(100s, 0.1).next_due(noon, noon, random);
    earliest = std::min(earliest, due);
    latest = std::max(latest, due);
  }
  EXPECT_GE(earliest, noon + 90s);
  EXPECT_LT(earliest, noon + 91s);
  EXPECT_LE(latest, noon + 110s);
  EXPECT_GT(latest, noon + 109s);
}

TEST(IntervalSchedule, FiresMissedOnesOnceNow) {
  std::mt19937_64 random(3);
  EXPECT_EQ(every(60s, 0.1).next_due(noon, noon + 10h, random), noon + 10h);
}

TEST(IntervalSchedule, NeitherStallsNorBurstsWhenTheClockIsSetBack) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 1000; ++i) {
    const TimePoint due = every(60s, 0.1).next_due(noon + 24h * 365, noon, random);
    EXPECT_GE(due, noon + 54s);
    EXPECT_LE(due, noon + 66s);
  }
}

TEST(IntervalSchedule, IsNeverInThePastWhateverTheJitter) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_GE(every(100ms, 1.0).next_due(noon, noon, random), noon);
    EXPECT_LE(every(100ms, 7.0).next_due(noon, noon, random), noon + 200ms);
  }
}

TEST(CronSchedule, IsDelayedByJitterAndNeverAdvanced) {
  std::mt19937_64 random(6);
  TimePoint latest = TimePoint::min();
  for (int i = 0; i < 2000; ++i) {
    const TimePoint due = by_cron("*/5 * * * *", 0.1).next_due(noon + 1s, noon + 2s, random);
    EXPECT_GE(due, noon + 5min);
    EXPECT_LT(due, noon + 5min + 30s);
    latest = std::max(latest, due);
  }
  EXPECT_GT(latest, noon + 5min + 29s);
}

TEST(CronSchedule, IsDelayedByAMinuteAtMost) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_LT(by_cron("@yearly", 1.0).next_due(noon, noon, random), at("2027-01-01T00:01Z"));
    EXPECT_LT(by_cron("* * * * *", 1.0).next_due(noon, noon, random), noon + 2min) << "before the slot after";
  }
}

TEST(CronSchedule, WithoutJitterIsDueAtItsSlot) {
  std::mt19937_64 random(8);
  EXPECT_EQ(by_cron("30 2 * * *", 0, "Europe/Berlin").next_due(noon, noon, random), at("2026-05-05T00:30Z"));
}

TEST(CronSchedule, FiresMissedSlotsOnceNow) {
  std::mt19937_64 random(9);
  const Schedule hourly = by_cron("@hourly", 0.1);
  const TimePoint woken = noon + 30h + 20min;
  EXPECT_EQ(hourly.next_due(noon, woken, random), woken);
  EXPECT_GE(hourly.next_due(woken, woken + 1s, random), noon + 31h) << "and then goes on";
}

TEST(CronSchedule, DoesNotFireASlotTwiceWhenTheClockIsSetBackALittle) {
  std::mt19937_64 random(10);
  EXPECT_EQ(by_cron("@hourly", 0).next_due(noon, noon - 2s, random), noon + 1h);
}

TEST(CronSchedule, GoesOnFromTheNewTimeWhenTheClockIsSetBackALot) {
  std::mt19937_64 random(11);
  EXPECT_EQ(by_cron("@hourly", 0).next_due(noon + 24h * 3000, noon + 1s, random), noon + 1h);
}

TEST(CronSchedule, ComesBackTheNextDayWhereThereIsNoSlot) {
  std::mt19937_64 random(12);
  const TimePoint far = at("2201-01-01T00:00Z");
  EXPECT_EQ(by_cron("@hourly", 0).next_due(far, far, random), far + 24h);
}

TEST(FirstDue, IsNowForARepositoryThatWasNeverPublished) {
  std::mt19937_64 random(13);
  EXPECT_EQ(every(1h, 0.1).first_due(noon, std::nullopt, true, random), noon);
  EXPECT_EQ(by_cron("@yearly", 0.1).first_due(noon, std::nullopt, false, random), noon);
}

TEST(FirstDue, SpreadsIntervalsOverTenSecondsAtMost) {
  std::mt19937_64 random(14);
  TimePoint latest = TimePoint::min();
  for (int i = 0; i < 2000; ++i) {
    const TimePoint due = every(1h, 0.1).first_due(noon, noon - 1s, true, random);
    EXPECT_GE(due, noon);
    EXPECT_LT(due, noon + 10s);
    latest = std::max(latest, due);
    EXPECT_LT(every(2s, 0.1).first_due(noon, noon - 1s, true, random), noon + 2s);
  }
  EXPECT_GT(latest, noon + 9s);
  EXPECT_EQ(every(1h, 0.1).first_due(noon, noon - 1s, false, random), noon);
}

TEST(FirstDue, WaitsForTheSlotOfACronSchedule) {
  std::mt19937_64 random(15);
  EXPECT_EQ(by_cron("@hourly", 0).first_due(noon + 1s, noon, true, random), noon + 1h);
  // The clock was set back since.
  EXPECT_EQ(by_cron("@hourly", 0).first_due(noon + 1s, noon + 100h, false, random), noon + 1h);
}

TEST(FirstDue, MakesUpForMissedSlotsOnce) {
  std::mt19937_64 random(16);
  EXPECT_EQ(by_cron("@hourly", 0.1).first_due(noon + 1s, noon - 1s, false, random), noon + 1s);
  EXPECT_EQ(by_cron("@hourly", 0.1).first_due(noon + 59min, noon - 100h, false, random), noon + 59min);
  EXPECT_EQ(by_cron("@hourly", 0).first_due(noon + 1s, TimePoint(), false, random), noon + 1s);
  TimePoint latest = TimePoint::min();
  for (int i = 0; i < 2000; ++i) {
    const TimePoint due = by_cron("@hourly", 0).first_due(noon + 1s, noon - 1s, true, random);
    EXPECT_GE(due, noon + 1s);
    EXPECT_LT(due, noon + 11s);
    latest = std::max(latest, due);
  }
  EXPECT_GT(latest, noon + 10s);
}

TEST(LongestGap, IsTheInterval) {
  EXPECT_EQ(every(90s, 0.5).longest_gap(noon), 90s);
}

TEST(LongestGap, LooksAtNightsWeekendsMonthsAndLeapDays) {
  EXPECT_EQ(by_cron("*/5 * * * *", 0).longest_gap(noon), 5min);
  EXPECT_EQ(by_cron("0 9-17 * * mon-fri", 0).longest_gap(noon), 64h) << "Friday 17:00 to Monday 9:00";
  EXPECT_EQ(by_cron("@monthly", 0).longest_gap(noon), 31 * 24h);
  EXPECT_EQ(by_cron("0 0 31 * *", 0).longest_gap(noon), 61 * 24h);
  EXPECT_EQ(by_cron("0 0 29 2 *", 0).longest_gap(noon), 1461 * 24h);
  EXPECT_EQ(by_cron("0,7 */6 * * *", 0).longest_gap(noon), 353min);
}

TEST(LongestGap, AllowsForAChangeOfTheClocks) {
  EXPECT_EQ(by_cron("@daily", 0, "Europe/Berlin").longest_gap(noon), 25h);
  EXPECT_EQ(by_cron("@hourly", 0, "Europe/Berlin").longest_gap(noon), 1h);
  EXPECT_EQ(by_cron("@hourly", 0, "Australia/Lord_Howe").longest_gap(noon), 90min);
}

}  // namespace
}  // namespace adapter::schedule
