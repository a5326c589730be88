// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::log {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

TEST(LogWrite, WritesLevelsFromTheConfiguredOneOnStandardError) {
  configure({Level::warning, Format::json});
  EXPECT_FALSE(enabled(Level::info));
  EXPECT_TRUE(enabled(Level::error));
  CaptureStderr();
  info("left_out", "below the level");
  warning("kept", "at the level", {{"repository", "docs"}});
  const std::string out = GetCapturedStderr();
  ASSERT_EQ(split(out, '\n').size(), 2U) << out;
  const auto line = nlohmann::json::parse(out);
  EXPECT_EQ(line["event"], "kept");
  EXPECT_EQ(line["repository"], "docs");
  EXPECT_THAT(line["time"].get<std::string>(), ::testing::MatchesRegex("20..-..-..T..:..:..\\....Z"));
}

TEST(LogWrite, ChangesFormatAndLevelWhileRunning) {
  configure({Level::debug, Format::text});
  CaptureStderr();
  debug("seen", "all {} of % it");
  configure({Level::info, Format::text});
  debug("unseen", "no more");
  const std::string out = GetCapturedStderr();
  EXPECT_THAT(out, HasSubstr(" debug   all {} of % it event=seen\n"));
  EXPECT_EQ(out.find("unseen"), std::string::npos);
}

TEST(LogWrite, KeepsLinesWholeFromManyThreads) {
  configure({Level::info, Format::json});
  constexpr int threads = 4;
  constexpr int lines = 200;
  CaptureStderr();
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([i] {
      for (int n = 0; n < lines; ++n) {
        const Redaction hidden{Secret(std::string_view("thread-secret-" + std::to_string(i)))};
        error("e", "thread-secret-" + std::to_string(i) + " in a line", {{"thread", i}, {"n", n}});
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const std::string out = GetCapturedStderr();
  int seen = 0;
  for (const std::string_view line : split(trim(out), '\n')) {
    EXPECT_EQ(nlohmann::json::parse(line)["message"], "*** in a line");
    ++seen;
  }
  EXPECT_EQ(seen, threads * lines);
}

}  // namespace
}  // namespace adapter::log
