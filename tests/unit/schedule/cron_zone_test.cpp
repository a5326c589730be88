// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "support.hpp"

namespace adapter::schedule {
namespace {

using testing::at;
using testing::cron;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::text_of;
using testing::zone;

std::vector<std::string> slots(std::string_view expression, std::string_view zone_name, std::string_view after,
                               std::size_t count) {
  const Cron parsed = cron(expression);
  const Zone in = zone(zone_name);
  std::vector<std::string> found;
  for (std::optional<TimePoint> time = at(after); found.size() < count;) {
    time = parsed.next(*time, in);
    if (!time) {
      break;
    }
    found.push_back(text_of(*time));
  }
  return found;
}

TEST(Zone, UtcNeedsNoData) {
  EXPECT_EQ(Zone::utc().name(), "UTC");
  EXPECT_EQ(zone("UTC"), Zone::utc());
  EXPECT_EQ(zone("Etc/UTC").name(), "Etc/UTC");
}

TEST(Zone, SaysWhichNameWasMeant) {
  EXPECT_THAT(Zone::find("Europe/Berln").error().text(), HasSubstr("did you mean Europe/Berlin?"));
  EXPECT_EQ(Zone::find("Europe/Berln").error().error_class(), ErrorClass::config);
  for (const std::string_view name :
       {"", "Mars/Olympus_Mons_Base", "../../../etc/passwd", "CEST-2\n", "Europe", "/etc/localtime"}) {
    EXPECT_FALSE(Zone::find(name).has_value()) << name;
  }
  EXPECT_THAT(Zone::find("a\nb").error().text(), HasSubstr("a\\x0Ab"));
}

TEST(CronZone, StartsStrictlyAfterTheGivenInstant) {
  EXPECT_THAT(slots("* * * * *", "UTC", "2026-01-01T00:00Z", 1), ElementsAre("2026-01-01T00:01Z"));
  EXPECT_THAT(slots("* * * * *", "UTC", "2026-01-01T00:00:01Z", 1), ElementsAre("2026-01-01T00:01Z"));
  const auto just_before = at("2026-01-01T00:01Z") - std::chrono::system_clock::duration{1};
  EXPECT_EQ(text_of(*cron("* * * * *").next(just_before, Zone::utc())), "2026-01-01T00:01Z");
}

TEST(CronZone, FindsLeapDaysOverTheCenturyWithoutOne) {
  EXPECT_THAT(slots("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", 2),
              ElementsAre("2028-02-29T00:00Z", "2032-02-29T00:00Z"));
  EXPECT_THAT(slots("0 0 29 2 *", "UTC", "2096-03-01T00:00Z", 1), ElementsAre("2104-02-29T00:00Z"));
}

TEST(CronZone, HasNoSlotsOutsideItsYears) {
  EXPECT_EQ(cron("* * * * *").next(TimePoint::max(), Zone::utc()), std::nullopt);
  EXPECT_EQ(cron("* * * * *").next(TimePoint::min(), Zone::utc()), std::nullopt);
  EXPECT_EQ(cron("* * * * *").next(TimePoint::max(), zone("Europe/Berlin")), std::nullopt);
}

// Berlin 2026: 29 March 02:00 → 03:00 at 01:00Z, 25 October 03:00 → 02:00 at 01:00Z.
TEST(CronZone, ASlotInTheGapFiresAtItsEndOnce) {
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", 3),
              ElementsAre("2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"));
  EXPECT_THAT(slots("0,15,30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00Z", 3),
              ElementsAre("2026-03-29T01:00Z", "2026-03-29T01:15Z", "2026-03-29T01:30Z"));
}

TEST(CronZone, ASlotThatComesTwiceFiresAtTheFirst) {
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2),
              ElementsAre("2026-10-25T00:30Z", "2026-10-26T01:30Z"));
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", 1), ElementsAre("2026-10-26T01:30Z"));
  EXPECT_THAT(slots("0 1-3 * * *", "Europe/Berlin", "2026-10-24T22:59Z", 3),
              ElementsAre("2026-10-24T23:00Z", "2026-10-25T00:00Z", "2026-10-25T02:00Z"));
}

TEST(CronZone, WithAWildcardHourItFollowsElapsedTime) {
  EXPECT_THAT(slots("30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", 3),
              ElementsAre("2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z"));
  EXPECT_THAT(slots("30 * * * *", "Europe/Berlin", "2026-10-25T00:00Z", 3),
              ElementsAre("2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"));
  EXPECT_THAT(slots("0 */2 * * *", "Europe/Berlin", "2026-10-24T22:00Z", 3),
              ElementsAre("2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T03:00Z"));
  EXPECT_THAT(slots("30 0-23 * * *", "Europe/Berlin", "2026-03-29T00:00Z", 2),
              ElementsAre("2026-03-29T00:30Z", "2026-03-29T01:30Z"));
}

TEST(CronZone, ASteppedHourLosesNoSlotToTheGap) {
  EXPECT_THAT(slots("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:00Z", 2),
              ElementsAre("2026-03-29T01:00Z", "2026-03-29T02:00Z"));
}

// New York 2026: 8 March 02:00 → 03:00 at 07:00Z, 1 November 02:00 → 01:00 at 06:00Z.
TEST(CronZone, KnowsTheChangesOfNewYork) {
  EXPECT_THAT(slots("15 2 * * *", "America/New_York", "2026-03-08T00:00Z", 2),
              ElementsAre("2026-03-08T07:00Z", "2026-03-09T06:15Z"));
  EXPECT_THAT(slots("0 1 * * *", "America/New_York", "2026-11-01T00:00Z", 2),
              ElementsAre("2026-11-01T05:00Z", "2026-11-02T06:00Z"));
}

// Lord Howe 2026: 5 April 02:00 → 01:30 at 4 April 15:00Z, 4 October 02:00 → 02:30 at 3 October 15:30Z.
TEST(CronZone, KnowsChangesOfHalfAnHour) {
  EXPECT_THAT(slots("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 2),
              ElementsAre("2026-10-03T15:30Z", "2026-10-04T15:15Z"));
  EXPECT_THAT(slots("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", 2),
              ElementsAre("2026-04-04T14:45Z", "2026-04-05T15:15Z"));
  EXPECT_THAT(slots("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:00Z", 3),
              ElementsAre("2026-10-03T15:15Z", "2026-10-03T15:30Z", "2026-10-03T15:45Z"));
}

// São Paulo 2018: 4 November 00:00 → 01:00 at 03:00Z. Beirut 2026: 29 March 00:00 → 01:00 at 28 March 22:00Z.
TEST(CronZone, MidnightThatDoesNotExistFiresAtOne) {
  EXPECT_THAT(slots("@daily", "America/Sao_Paulo", "2018-11-03T12:00Z", 2),
              ElementsAre("2018-11-04T03:00Z", "2018-11-05T02:00Z"));
  EXPECT_THAT(slots("0 0 * * sun", "Asia/Beirut", "2026-03-27T12:00Z", 2),
              ElementsAre("2026-03-28T22:00Z", "2026-04-04T21:00Z"));
}

TEST(CronZone, ADayThatDoesNotExistFiresAtTheNextMidnightOnce) {
  EXPECT_THAT(slots("0 0 * * *", "Pacific/Apia", "2011-12-29T00:00Z", 3),
              ElementsAre("2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"));
}

}  // namespace
}  // namespace adapter::schedule
