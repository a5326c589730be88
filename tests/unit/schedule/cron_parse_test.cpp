// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support.hpp"

namespace adapter::schedule {
namespace {

using testing::at;
using testing::cron;
using ::testing::HasSubstr;
using testing::text_of;

std::string error_of(std::string_view expression) {
  const Result<Cron> parsed = Cron::parse(expression, "docs");
  if (parsed) {
    return "accepted";
  }
  EXPECT_EQ(parsed.error().error_class(), ErrorClass::config) << expression;
  return parsed.error().text();
}

std::string next_of(std::string_view expression, std::string_view after) {
  const std::optional<TimePoint> slot = cron(expression).next(at(after), Zone::utc());
  return slot ? text_of(*slot) : "none";
}

/// Minute and hour of the slots of one day.
std::set<std::pair<long, long>> times_of_day(const Cron& expression) {
  std::set<std::pair<long, long>> times;
  const TimePoint begin = at("2026-05-04T00:00Z");
  for (TimePoint time = begin - std::chrono::seconds{1}; const auto slot = expression.next(time, Zone::utc());) {
    if (*slot >= begin + std::chrono::days{1}) {
      break;
    }
    const auto minutes = std::chrono::floor<std::chrono::minutes>(*slot - begin).count();
    times.emplace(minutes / 60, minutes % 60);
    time = *slot;
  }
  return times;
}

TEST(CronParse, NamesTheFieldAndWhatIsWrongThere) {
  EXPECT_THAT(error_of("60 * * * *"), HasSubstr("cron field minute: 60 is out of range; it goes from 0 to 59"));
  EXPECT_THAT(error_of("* 24 * * *"), HasSubstr("field hour: 24 is out of range"));
  EXPECT_THAT(error_of("* * 0 * *"), HasSubstr("field day-of-month: 0 is out of range; it goes from 1 to 31"));
  EXPECT_THAT(error_of("* * * 13 *"), HasSubstr("field month: 13 is out of range"));
  EXPECT_THAT(error_of("* * * * 8"), HasSubstr("field day-of-week: 8 is out of range; it goes from 0 to 7"));
  EXPECT_THAT(error_of("* * * foo *"),
              HasSubstr("field month: \"foo\" is not a number from 1 to 12 or a name (jan to dec)"));
  EXPECT_THAT(error_of("mon * * * *"), HasSubstr("field minute: \"mon\" is not a number"));
  EXPECT_THAT(error_of("30-10 * * * *"), HasSubstr("the range \"30-10\" runs backwards"));
  EXPECT_THAT(error_of("*/0 * * * *"), HasSubstr("the step \"0\" is not a number from 1 to 59"));
  EXPECT_THAT(error_of("*/60 * * * *"), HasSubstr("the step \"60\""));
  EXPECT_THAT(error_of("1,,2 * * * *"), HasSubstr("a value is missing"));
  EXPECT_THAT(error_of("1- * * * *"), HasSubstr("a value is missing"));
  EXPECT_THAT(error_of("-1 * * * *"), HasSubstr("a value is missing"));
  EXPECT_THAT(error_of("1-2-3 * * * *"), HasSubstr("\"2-3\" is not a number"));
  EXPECT_THAT(error_of("1/2/3 * * * *"), HasSubstr("the step \"2/3\""));
  EXPECT_THAT(error_of("*5 * * * *"), HasSubstr("\"*5\" is not a number"));
  EXPECT_THAT(error_of("99999999999999999999 * * * *"), HasSubstr("is not a number"));
}

TEST(CronParse, WantsExactlyFiveFields) {
  EXPECT_THAT(error_of(""), HasSubstr("has 0 fields; write five"));
  EXPECT_THAT(error_of("* * * *"), HasSubstr("has 4 fields"));
  EXPECT_THAT(error_of("0 0 * * * *"), HasSubstr("has 6 fields"));
  EXPECT_THAT(error_of(std::string(600, '*')), HasSubstr("longer than 512 bytes"));
  EXPECT_EQ(next_of(" \t0   6\t* *  * ", "2026-01-01T00:00Z"), "2026-01-01T06:00Z");
}

TEST(CronParse, RefusesWhatCanNeverFire) {
  EXPECT_THAT(error_of("30 2 31 2 *"), HasSubstr("never fires"));
  EXPECT_THAT(error_of("0 0 30-31 feb *"), HasSubstr("never fires"));
  EXPECT_THAT(error_of("0 0 31 4,6,9,11 *"), HasSubstr("never fires"));
  EXPECT_EQ(error_of("0 0 29 2 *"), "accepted");
  EXPECT_EQ(error_of("0 0 31 4 mon"), "accepted") << "the day of the week matches on its own";
}

TEST(CronParse, KnowsTheNamesOfCrontabAndNoOther) {
  EXPECT_EQ(next_of("@hourly", "2026-05-06T07:08Z"), "2026-05-06T08:00Z");
  EXPECT_EQ(next_of("@daily", "2026-05-06T07:08Z"), "2026-05-07T00:00Z");
  EXPECT_EQ(next_of("@midnight", "2026-05-06T07:08Z"), "2026-05-07T00:00Z");
  EXPECT_EQ(next_of("@weekly", "2026-05-06T07:08Z"), "2026-05-10T00:00Z");
  EXPECT_EQ(next_of("@monthly", "2026-05-06T07:08Z"), "2026-06-01T00:00Z");
  EXPECT_EQ(next_of("@yearly", "2026-05-06T07:08Z"), "2027-01-01T00:00Z");
  EXPECT_EQ(next_of("@annually", "2026-05-06T07:08Z"), "2027-01-01T00:00Z");
  EXPECT_THAT(error_of("@reboot"), HasSubstr("not a schedule"));
  EXPECT_THAT(error_of("@dayly"), HasSubstr("did you mean @daily?"));
}

TEST(CronParse, SaysWhatToWriteForTheWordsOfOtherSchedulers) {
  EXPECT_THAT(error_of("@every 5m"), HasSubstr("write every: 5m in place of cron"));
  EXPECT_THAT(error_of("@every  1h30m "), HasSubstr("write every: 1h30m in place of cron"));
  EXPECT_THAT(error_of("@every"), HasSubstr("write every: 5m in place of cron"));
  EXPECT_THAT(error_of("CRON_TZ=Europe/Berlin 0 3 * * *"), HasSubstr("write timezone: Europe/Berlin beside cron"));
  EXPECT_THAT(error_of("TZ=Asia/Tokyo @daily"), HasSubstr("write timezone: Asia/Tokyo beside cron"));
  EXPECT_THAT(error_of("0 0 ? * mon"), HasSubstr("field day-of-month: \"?\" is Quartz's word for any day; write *"));
  EXPECT_THAT(error_of("0 0 * * ?"), HasSubstr("field day-of-week: \"?\" is Quartz's word for any day; write *"));
  EXPECT_THAT(error_of("0 0 0 * * ?"), HasSubstr("none for seconds or years (every: 10s"));
}

TEST(CronParse, TakesARangeOfOneDayAsThatDay) {
  for (const std::string_view field : {"0-0", "sun-sun", "7-7", "7-0", "sun-0", "0-sun", "7-sun", "0-0/2", "H(0-0)"}) {
    const std::string expression = "0 0 * * " + std::string(field);
    EXPECT_EQ(next_of(expression, "2026-05-04T00:00Z"), "2026-05-10T00:00Z") << field;
    EXPECT_EQ(next_of(expression, "2026-05-10T00:00Z"), "2026-05-17T00:00Z") << field;
  }
  EXPECT_EQ(next_of("0 0 * * wed-wed", "2026-05-07T00:00Z"), "2026-05-13T00:00Z");
  EXPECT_EQ(next_of("0 0 * jan-jan *", "2026-02-01T00:00Z"), "2027-01-01T00:00Z");
}

TEST(CronParse, TakesTheWholeWeekHoweverItsEndsAreWritten) {
  for (const std::string_view field : {"sun-sat", "0-6", "0-7", "sun-7", "mon-sun", "1-7", "mon-0", "1-0"}) {
    EXPECT_EQ(next_of("0 0 * * " + std::string(field), "2026-05-04T00:00Z"), "2026-05-05T00:00Z") << field;
  }
  EXPECT_THAT(error_of("0 0 * * 7-3"), HasSubstr("the range \"7-3\" runs backwards; write 0-3"));
  EXPECT_THAT(error_of("0 0 * * sat-mon"), HasSubstr("runs backwards; write two ranges with a comma"));
}

TEST(CronParse, TakesSundayAsZeroSevenAndAsTheEndOfARange) {
  for (const std::string_view field : {"0", "7", "sun", "SUN"}) {
    EXPECT_EQ(next_of("0 0 * * " + std::string(field), "2026-05-06T00:00Z"), "2026-05-10T00:00Z") << field;
  }
  for (const std::string_view field : {"fri-sun", "5-7", "fri-7"}) {
    const std::string expression = "0 0 * * " + std::string(field);
    EXPECT_EQ(next_of(expression, "2026-05-06T00:00Z"), "2026-05-08T00:00Z") << field;
    EXPECT_EQ(next_of(expression, "2026-05-09T00:00Z"), "2026-05-10T00:00Z") << field;
    EXPECT_EQ(next_of(expression, "2026-05-10T00:00Z"), "2026-05-15T00:00Z") << field;
  }
}

TEST(CronParse, KeepsTheTextItWasGiven) {
  EXPECT_EQ(cron("@daily").expression(), "@daily");
  EXPECT_EQ(cron("0 0 * * mon"), cron("0 0 * * mon"));
  EXPECT_NE(cron("H 0 * * *", "a"), cron("H 0 * * *", "b"));
}

TEST(CronHash, IsTheSameOnEveryMachineAndInEveryVersion) {
  EXPECT_EQ(times_of_day(cron("H H * * *", "docs")), (std::set<std::pair<long, long>>{{2, 57}}));
  EXPECT_EQ(times_of_day(cron("H H * * *", "website")), (std::set<std::pair<long, long>>{{14, 12}}));
}

TEST(CronHash, StaysInItsRangeAndStepsThroughIt) {
  for (int i = 0; i < 200; ++i) {
    const std::string name = "repository-" + std::to_string(i);
    const auto ranged = times_of_day(cron("H(10-19) 3 * * *", name));
    EXPECT_EQ(ranged.size(), 1U);
    EXPECT_GE(ranged.begin()->second, 10);
    EXPECT_LE(ranged.begin()->second, 19);
    const auto stepped = times_of_day(cron("H/15 H * * *", name));
    EXPECT_EQ(stepped.size(), 4U);
    EXPECT_LT(stepped.begin()->second, 15);
    EXPECT_EQ(stepped.rbegin()->second - stepped.begin()->second, 45);
    const auto monthly = cron("0 0 H * *", name).next(at("2026-01-31T12:00Z"), Zone::utc());
    EXPECT_LT(*monthly, at("2026-03-01T00:00Z")) << "February has the day too";
  }
}

TEST(CronHash, SpreadsNamesEvenlyAndFieldsIndependently) {
  std::map<long, int> minutes;
  std::set<std::pair<long, long>> times;
  for (int i = 0; i < 6000; ++i) {
    const auto slot = *times_of_day(cron("H H * * *", "r" + std::to_string(i))).begin();
    ++minutes[slot.second];
    times.insert(slot);
  }
  EXPECT_EQ(minutes.size(), 60U);
  for (const auto& [minute, count] : minutes) {
    EXPECT_NEAR(count, 100, 50) << "minute " << minute;
  }
  EXPECT_GT(times.size(), 1350U) << "of 1440 minutes of the day";
}

TEST(CronHash, RefusesAShapeOrRangeItCannotKeep) {
  EXPECT_THAT(error_of("H(5 * * * *"), HasSubstr("is not H or H(first-last)"));
  EXPECT_THAT(error_of("H(5) * * * *"), HasSubstr("is not H or H(first-last)"));
  EXPECT_THAT(error_of("H() * * * *"), HasSubstr("is not H or H(first-last)"));
  EXPECT_THAT(error_of("Hx * * * *"), HasSubstr("\"Hx\" is not a number"));
  EXPECT_THAT(error_of("H(0-60) * * * *"), HasSubstr("60 is out of range"));
  EXPECT_THAT(error_of("* * H(20-31) * *"), HasSubstr("H goes from 1 to 28 here"));
  EXPECT_THAT(error_of("H(0-4)/10 * * * *"), HasSubstr("the step 10 is wider than the range"));
  EXPECT_THAT(error_of("* * * * H(5-7)"), HasSubstr("H goes from 0 to 6 here"));
}

}  // namespace
}  // namespace adapter::schedule
