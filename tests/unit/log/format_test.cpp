// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "adapter/log/log.hpp"

namespace adapter::log {
namespace {

constexpr std::string_view written_at = "2026-11-23T05:19:24.123Z";

TEST(LogText, PutsTheMessageFirstAndTheFieldsBehindTheEvent) {
  EXPECT_EQ(
      format_line(Format::text, Level::info, written_at, "published", "docs is at 1f2e",
                  {{"repository", "docs"}, {"duration_ms", 42}, {"first", true}, {"share", 0.5}}),
      "2026-11-23T05:19:24.123Z info    docs is at 1f2e event=published repository=docs duration_ms=42 first=true "
      "share=0.5");
}

TEST(LogText, QuotesValuesThatWouldRunTogether) {
  EXPECT_EQ(format_line(Format::text, Level::error, written_at, "e", "m",
                        {{"a", ""}, {"b", "x y"}, {"c", "k=v"}, {"d", "\"q\""}}),
            "2026-11-23T05:19:24.123Z error   m event=e a=\"\" b=\"x y\" c=\"k=v\" d=\"\\\"q\\\"\"");
}

TEST(LogText, LetsNoControlCharacterThrough) {
  const std::string line =
      format_line(Format::text, Level::warning, written_at, "e", "one\ntwo\x1b[31m", {{"a", "\r\n\u202E"}});
  EXPECT_EQ(line, "2026-11-23T05:19:24.123Z warning one\\x0Atwo\\x1B[31m event=e a=\\x0D\\x0A\\u{202E}");
}

TEST(LogJson, IsOneObjectWithTypedFields) {
  const ObjectId id = *ObjectId::from_hex("0123456789abcdef0123456789abcdef01234567");
  const auto line = nlohmann::json::parse(format_line(Format::json, Level::warning, written_at, "check_failed",
                                                      "said \"no\" \\ twice",
                                                      {{"repository", std::string("docs")},
                                                       {"commit", id},
                                                       {"class", ErrorClass::rate_limited},
                                                       {"bytes", std::numeric_limits<std::uint64_t>::max()},
                                                       {"lowest", std::numeric_limits<std::int64_t>::min()},
                                                       {"share", 0.25},
                                                       {"again", false}}));
  EXPECT_EQ(line["time"], written_at);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["event"], "check_failed");
  EXPECT_EQ(line["message"], "said \"no\" \\\\ twice");
  EXPECT_EQ(line["repository"], "docs");
  EXPECT_EQ(line["commit"], id.to_hex());
  EXPECT_EQ(line["class"], "rate_limited");
  EXPECT_EQ(line["bytes"], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(line["lowest"], std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(line["share"], 0.25);
  EXPECT_EQ(line["again"], false);
}

TEST(LogJson, StaysValidWhateverTheBytes) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) {
    every_byte.push_back(static_cast<char>(byte));
  }
  const std::string line = format_line(Format::json, Level::info, written_at, "e", every_byte, {{"a", every_byte}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["a"], parsed["message"]);
}

TEST(LogJson, WritesWhatIsNoJsonNumberAsText) {
  for (const double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const auto line =
        nlohmann::json::parse(format_line(Format::json, Level::info, written_at, "e", "m", {{"a", value}}));
    EXPECT_TRUE(line["a"].is_string());
  }
}

TEST(LogFormat, CutsLongValues) {
  const auto line = nlohmann::json::parse(format_line(Format::json, Level::info, written_at, "e",
                                                      std::string(100'000, 'x'), {{"a", std::string(100'000, 'y')}}));
  EXPECT_EQ(line["message"].get<std::string>(), std::string(2048, 'x') + "…");
  EXPECT_EQ(line["a"].get<std::string>(), std::string(2048, 'y') + "…");
}

TEST(LogLevel, IsReadAsItIsWritten) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_level("INFO"), std::nullopt);
  EXPECT_EQ(parse_level(""), std::nullopt);
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_EQ(parse_format("text"), Format::text);
  EXPECT_EQ(parse_format("xml"), std::nullopt);
}

}  // namespace
}  // namespace adapter::log
