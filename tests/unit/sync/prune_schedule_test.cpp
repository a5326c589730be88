// SPDX-License-Identifier: Apache-2.0
#include "prune_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using TimePoint = PruneSchedule::TimePoint;

constexpr TimePoint begin{};

TEST(PruneSchedule, ARepositoryIsDueWhenItWasGoneForTheWholeDelay) {
  PruneSchedule schedule;
  schedule.set_delay(1h);
  EXPECT_THAT(schedule.observe(begin, {"docs"}, true), ElementsAre("docs"));
  EXPECT_THAT(schedule.observe(begin + 30min, {"docs", "wiki"}, true), ElementsAre("wiki"));
  EXPECT_EQ(schedule.next_due(begin + 30min), begin + 1h);
  EXPECT_THAT(schedule.due(begin + 1h - 1ns), IsEmpty());
  EXPECT_THAT(schedule.due(begin + 1h), ElementsAre("docs"));
  EXPECT_THAT(schedule.due(begin + 90min), ElementsAre("docs", "wiki"));
}

TEST(PruneSchedule, WhatIsDueAlreadyDoesNotHideTheNext) {
  PruneSchedule schedule;
  schedule.set_delay(1h);
  schedule.observe(begin, {"docs"}, true);
  schedule.observe(begin + 30min, {"docs", "wiki"}, true);
  EXPECT_THAT(schedule.due(begin + 1h), ElementsAre("docs"));
  EXPECT_EQ(schedule.next_due(begin + 1h), begin + 90min);
  EXPECT_EQ(schedule.next_due(begin + 2h), PruneSchedule::never);
}

TEST(PruneSchedule, OneThatComesBackCountsFromTheBeginningTheNextTime) {
  PruneSchedule schedule;
  schedule.set_delay(1h);
  schedule.observe(begin, {"docs"}, true);
  schedule.observe(begin + 59min, {}, true);
  EXPECT_THAT(schedule.observe(begin + 60min, {"docs"}, true), ElementsAre("docs"));
  EXPECT_THAT(schedule.due(begin + 60min), IsEmpty());
  EXPECT_EQ(schedule.due_at("docs"), begin + 2h);
}

TEST(PruneSchedule, NothingCountsAsGoneWhileNoRepositoryIsConfigured) {
  PruneSchedule schedule;
  schedule.set_delay(0ms);
  EXPECT_THAT(schedule.observe(begin, {"docs", "wiki"}, false), IsEmpty());
  EXPECT_THAT(schedule.due(begin + 24h), IsEmpty());
  schedule.set_delay(1h);
  schedule.observe(begin, {"docs", "wiki"}, true);
  schedule.observe(begin + 59min, {"docs", "wiki"}, false);
  schedule.observe(begin + 2h, {"docs"}, true);
  EXPECT_EQ(schedule.next_due(begin + 2h), begin + 3h);
}

TEST(PruneSchedule, NothingIsDueWithoutADelay) {
  PruneSchedule schedule;
  schedule.observe(begin, {"docs"}, true);
  EXPECT_THAT(schedule.due(TimePoint::max()), IsEmpty());
  EXPECT_EQ(schedule.next_due(begin), PruneSchedule::never);
  // Switched on later, the time that it was gone counts.
  schedule.set_delay(1h);
  EXPECT_EQ(schedule.due_at("docs"), begin + 1h);
  EXPECT_EQ(schedule.due_at("unknown"), PruneSchedule::never);
}

TEST(PruneSchedule, TheLongestDelayDoesNotOverflow) {
  PruneSchedule schedule;
  schedule.set_delay(std::chrono::milliseconds::max() / 1'000'000);
  schedule.observe(TimePoint::max() - 1h, {"docs"}, true);
  EXPECT_EQ(schedule.due_at("docs"), PruneSchedule::never);
}

}  // namespace
}  // namespace adapter::sync
