// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/log/log.hpp"

namespace adapter::transport {
namespace {

using testing::ElementsAre;

std::vector<std::string> lines_of(const std::vector<std::string_view>& pieces) {
  std::vector<std::string> lines;
  ProgressLines progress([&](std::string_view line) { lines.emplace_back(line); });
  for (const std::string_view piece : pieces) {
    progress.feed(piece);
  }
  progress.end();
  return lines;
}

TEST(ProgressLines, CutsAtLineEndsWhateverThePieces) {
  EXPECT_THAT(lines_of({"Counting: 1%\rCounting: 2%\r", "Coun", "ting: done\nTotal", " 3"}),
              ElementsAre("Counting: 1%", "Counting: 2%", "Counting: done", "Total 3"));
}

TEST(ProgressLines, DropsEmptyLines) {
  EXPECT_THAT(lines_of({"\r\n\n  \r", ""}), ElementsAre());
}

TEST(ProgressLines, EscapesWhatATerminalWouldObey) {
  EXPECT_THAT(lines_of({"\x1b[2Jgone\n"}), ElementsAre("\\x1B[2Jgone"));
}

TEST(ProgressLines, MarksTheCutSoThatTheBeginningOfASecretIsHidden) {
  const log::Redaction hidden{Secret(std::string_view("secret-of-the-remote"))};
  const auto lines = lines_of({std::string(max_sideband_line_bytes - 10, '.') + "secret-of-the-remote\n"});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(log::redacted(lines[0]), std::string(max_sideband_line_bytes - 10, '.') + "***…");
}

TEST(ProgressLines, CutsALineThatNeverEnds) {
  const std::string piece(1000, 'x');
  const auto lines = lines_of(std::vector<std::string_view>(100, piece));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], std::string(max_sideband_line_bytes, 'x') + "…");
}

}  // namespace
}  // namespace adapter::transport
