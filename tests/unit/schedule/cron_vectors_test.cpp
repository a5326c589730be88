// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "adapter/base/text.hpp"
#include "support.hpp"

namespace adapter::schedule {
namespace {

using testing::at;
using testing::text_of;

TEST(CronVectors, AgreeWithTwoOtherImplementations) {
  std::ifstream file(CRON_VECTORS);
  std::map<std::string, int> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      continue;
    }
    const std::vector<std::string_view> columns = split(line, '\t');
    ASSERT_EQ(columns.size(), 6U) << line;
    ++rows[std::string(columns[0])];
    const Result<Cron> cron = Cron::parse(columns[1], columns[2]);
    ASSERT_TRUE(cron.has_value()) << line << "\n" << cron.error().text();
    const Zone zone = testing::zone(columns[3]);
    TimePoint time = at(columns[4]);
    for (const std::string_view expected : split(columns[5], ',')) {
      const std::optional<TimePoint> slot = cron->next(time, zone);
      ASSERT_TRUE(slot.has_value()) << line;
      EXPECT_EQ(text_of(*slot), expected) << line;
      time = at(expected);
    }
  }
  EXPECT_GE(rows["croniter"], 900);
  EXPECT_GE(rows["minutes"], 2000);
}

}  // namespace
}  // namespace adapter::schedule
