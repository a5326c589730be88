// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/units.hpp"

#include <gtest/gtest.h>

namespace adapter {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, ReadsEachUnitAndSums) {
  EXPECT_EQ(parse_duration("500ms").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("30s").value(), milliseconds(30'000));
  EXPECT_EQ(parse_duration("5m").value(), milliseconds(300'000));
  EXPECT_EQ(parse_duration("1h30m").value(), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("1d").value(), milliseconds(86'400'000));
}

TEST(ParseDuration, RefusesWhatIsNotOneAndQuotesIt) {
  for (const char* text : {"", "5", "s", "5 s", "-5s", "1m1h", "5s5s", "1.5h", "9999999999999999999s", "3651d", "5S"}) {
    const auto result = parse_duration(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().error_class(), ErrorClass::config);
    EXPECT_NE(result.error().text().find(std::string("\"") + text + "\""), std::string::npos);
  }
}

TEST(FormatDuration, WritesWhatParseReadsBack) {
  for (const std::int64_t value : {1LL, 999LL, 1000LL, 61'500LL, 86'400'000LL, 90'061'001LL}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(value))).value(), milliseconds(value));
  }
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
}

TEST(ParseSize, ReadsBinaryUnits) {
  EXPECT_EQ(parse_size("4096").value(), 4096U);
  EXPECT_EQ(parse_size("64KiB").value(), 65536U);
  EXPECT_EQ(parse_size("2GiB").value(), 2ULL << 30U);
}

TEST(ParseSize, RefusesFractionsOtherUnitsAndOverflow) {
  for (const char* text : {"", "KiB", "1.5GiB", "64KB", "64 KiB", "-1", "99999999999TiB", "18446744073709551616"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(ParsePercent, ReadsZeroToAHundred) {
  EXPECT_DOUBLE_EQ(parse_percent("10%").value(), 0.10);
  EXPECT_DOUBLE_EQ(parse_percent("0%").value(), 0.0);
  EXPECT_DOUBLE_EQ(parse_percent("100%").value(), 1.0);
  EXPECT_NEAR(parse_percent("12.25%").value(), 0.1225, 1e-12);
  for (const char* text : {"", "%", "10", "101%", "-1%", "1.%", "1.234%", "nan%"}) {
    EXPECT_FALSE(parse_percent(text)) << text;
  }
}

TEST(FormatTimestamp, IsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(format_timestamp(std::chrono::system_clock::time_point(milliseconds(1'700'000'000'123))),
            "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace adapter
