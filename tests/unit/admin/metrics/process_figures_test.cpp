// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_figures.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>

#include "adapter/base/file.hpp"

namespace adapter::admin {
namespace {

TEST(ProcessFiguresTest, AreThoseOfThisProcess) {
  const ProcessFigures figures = ProcessFigures::read();
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_GE(figures.cpu_seconds.value(), 0.0);
  EXPECT_LT(figures.cpu_seconds.value(), 60.0);
  EXPECT_GT(figures.resident_bytes.value(), 500'000U);
  EXPECT_GT(figures.virtual_bytes.value(), figures.resident_bytes.value());
  EXPECT_GT(figures.max_fds.value_or(1'000'000), figures.open_fds.value());
  EXPECT_GE(figures.open_fds.value(), 2U);
  EXPECT_NEAR(figures.start_seconds.value(), now, 60.0);
}

TEST(ProcessFiguresTest, CountDescriptorsAsTheyAreNow) {
  const std::uint64_t before = ProcessFigures::read().open_fds.value();
  const UniqueFd one(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(one);
  EXPECT_EQ(ProcessFigures::read().open_fds.value(), before + 1);
}

TEST(ProcessFiguresTest, HaveOneStartTime) {
  EXPECT_EQ(ProcessFigures::read().start_seconds, ProcessFigures::read().start_seconds);
}

}  // namespace
}  // namespace adapter::admin
