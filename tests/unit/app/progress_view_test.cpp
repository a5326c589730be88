// SPDX-License-Identifier: Apache-2.0
#include "progress_view.hpp"

#include <gtest/gtest.h>

namespace adapter::app {
namespace {

TEST(RenderRow, ShowsObjectsBytesAndRateOfATransfer) {
  ProgressRow row;
  row.name = "docs";
  row.phase = sync::Phase::fetching;
  row.progress.received_bytes = 3 * 1024 * 1024;
  row.progress.received_objects = 500;
  row.progress.total_objects = 1000;
  row.bytes_per_second = 1024.0 * 1024.0;
  const std::string line = render_row(row, 8, 200);
  EXPECT_EQ(line, "docs      fetching    [############------------]  500/1000 objects  3.0 MiB  1.0 MiB/s");
}

TEST(RenderRow, ShowsOnlyThePhaseBeforeTheFirstByteAndCutsAtTheWidth) {
  ProgressRow row;
  row.name = "docs";
  row.phase = sync::Phase::checking;
  EXPECT_EQ(render_row(row, 4, 80), "docs  checking   ");
  EXPECT_EQ(render_row(row, 4, 6).size(), 6U);
}

TEST(BottomRows, ReserveRowsBelowAScrollingRegion) {
  BottomRows bottom;
  EXPECT_EQ(bottom.show({"a", "b"}, 24),
            "\n\n\x1b[2A\x1b"
            "7\x1b[1;22r\x1b"
            "8"
            "\x1b"
            "7\x1b[23;1H\x1b[2Ka\x1b[24;1H\x1b[2Kb\x1b"
            "8");
  EXPECT_EQ(bottom.show({"c"}, 24),
            "\x1b"
            "7\x1b[23;1H\x1b[2Kc\x1b[24;1H\x1b[2K\x1b"
            "8")
      << "no row is left stale";
  EXPECT_EQ(bottom.clear(),
            "\x1b"
            "7\x1b[r\x1b[23;1H\x1b[J\x1b"
            "8");
  EXPECT_EQ(bottom.clear(), "");
}

TEST(BottomRows, TakeHalfOfTheTerminalAtMostAndNoneOfATinyOne) {
  BottomRows bottom;
  const std::string out = bottom.show(std::vector<std::string>(16, "x"), 10);
  EXPECT_NE(out.find("\x1b[1;5r"), std::string::npos);
  BottomRows tiny;
  EXPECT_EQ(tiny.show({"a"}, 3), "");
}

TEST(BottomRows, StartAnewWhenTheTerminalChangesItsHeight) {
  BottomRows bottom;
  static_cast<void>(bottom.show({"a"}, 24));
  const std::string out = bottom.show({"a"}, 30);
  EXPECT_TRUE(
      out.starts_with("\x1b"
                      "7\x1b[r\x1b[24;1H\x1b[J\x1b"
                      "8"))
      << "the old rows are blanked";
  EXPECT_NE(out.find("\x1b[1;29r"), std::string::npos);
}

}  // namespace
}  // namespace adapter::app
