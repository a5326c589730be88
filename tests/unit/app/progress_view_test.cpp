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

}  // namespace
}  // namespace adapter::app
