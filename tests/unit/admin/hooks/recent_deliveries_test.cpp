// SPDX-License-Identifier: Apache-2.0
#include "hooks/recent_deliveries.hpp"

#include <gtest/gtest.h>

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::steady_clock::time_point start{1000h};

TEST(RecentDeliveries, KnowARepetitionForAnHour) {
  RecentDeliveries recent;
  EXPECT_TRUE(recent.is_first("docs", "a", start));
  EXPECT_FALSE(recent.is_first("docs", "a", start));
  EXPECT_FALSE(recent.is_first("docs", "a", start + 59min));
  EXPECT_TRUE(recent.is_first("docs", "a", start + 60min));
  EXPECT_FALSE(recent.is_first("docs", "a", start + 61min));
}

TEST(RecentDeliveries, KeepRoutesApart) {
  RecentDeliveries recent;
  EXPECT_TRUE(recent.is_first("docs", "a", start));
  EXPECT_TRUE(recent.is_first("", "a", start));
  EXPECT_TRUE(recent.is_first("doc", "sa", start));
  EXPECT_TRUE(recent.is_first("docs", "b", start));
}

TEST(RecentDeliveries, RememberNoneWithoutAnId) {
  RecentDeliveries recent;
  const std::string longest(128, 'x');
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(recent.is_first("docs", "", start));
    EXPECT_TRUE(recent.is_first("docs", longest + "x", start));
  }
  EXPECT_TRUE(recent.is_first("docs", longest, start));
  EXPECT_FALSE(recent.is_first("docs", longest, start));
}

TEST(RecentDeliveries, ForgetTheOldestPast1024) {
  RecentDeliveries recent;
  for (std::size_t i = 0; i < RecentDeliveries::max_deliveries; ++i) {
    EXPECT_TRUE(recent.is_first("docs", std::to_string(i), start));
  }
  EXPECT_FALSE(recent.is_first("docs", "0", start));
  EXPECT_TRUE(recent.is_first("docs", "one more", start));
  EXPECT_FALSE(recent.is_first("docs", "1", start));
  EXPECT_TRUE(recent.is_first("docs", "0", start));
}

}  // namespace
}  // namespace adapter::admin
