// SPDX-License-Identifier: Apache-2.0
#include "permit_use.hpp"

#include <gtest/gtest.h>

#include <string>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

class PermitUseTest : public ::testing::Test {
protected:
  void use(const std::string& repository, std::chrono::milliseconds time) {
    use_.begin(repository);
    now_ += time;
    use_.end(repository);
  }
  double sum(std::string_view repository) { return use_.sum(repository).count(); }

  PermitUse::TimePoint now_{100h};
  PermitUse use_{[this] { return now_; }};
};

TEST_F(PermitUseTest, SumsTheTimeThatPermitsAreHeldAndWereHeld) {
  EXPECT_EQ(sum("docs"), 0);
  use("docs", 2s);
  EXPECT_NEAR(sum("docs"), 2, 0.01);
  use_.begin("docs");
  now_ += 3s;
  EXPECT_NEAR(sum("docs"), 5, 0.05);
  use_.begin("docs");
  now_ += 1s;  // two at a time
  EXPECT_NEAR(sum("docs"), 7, 0.1);
}

TEST_F(PermitUseTest, HalvesTheSumEveryFiveMinutes) {
  use("docs", 8s);
  const double used = sum("docs");
  now_ += 5min;
  EXPECT_NEAR(sum("docs"), used / 2, 1e-6);
  now_ += 10min;
  EXPECT_NEAR(sum("docs"), used / 8, 1e-6);
}

TEST_F(PermitUseTest, APermitThatIsHeldForEverHasABoundedSum) {
  use_.begin("docs");
  now_ += 24h;
  EXPECT_NEAR(sum("docs"), 300 / 0.6931, 1);
}

TEST_F(PermitUseTest, RanksByTheSumAndSmallSumsEqual) {
  use("heavy", 60s);
  use("busy", 2s);
  use("light", 50ms);
  EXPECT_GT(use_.rank("heavy"), use_.rank("busy"));
  EXPECT_GT(use_.rank("busy"), use_.rank("light"));
  EXPECT_EQ(use_.rank("light"), use_.rank("unknown"));
}

TEST_F(PermitUseTest, ARankKeepsItsOrderWhileSumsFade) {
  use("heavy", 60s);
  const double waiting = use_.rank("heavy");
  now_ += 20min;  // less than 4 s are left of 60
  use("busy", 5s);
  EXPECT_GT(use_.rank("busy"), waiting);
  use("light", 2s);
  EXPECT_LT(use_.rank("light"), waiting);
}

TEST_F(PermitUseTest, MoreThanTenSecondsAreMuchUntilTheyHaveHalved) {
  use("docs", 9s);
  EXPECT_FALSE(use_.used_much("docs"));
  use("docs", 6s);
  EXPECT_TRUE(use_.used_much("docs"));
  now_ += 5min;
  EXPECT_FALSE(use_.used_much("docs"));
}

TEST_F(PermitUseTest, ABusyRepositoryHasNotUsedMuchBesideThoseThatUseFarMore) {
  use("busy", 12s);
  use_.begin("heavy");
  now_ += 20s;
  EXPECT_TRUE(use_.used_much("busy"));
  now_ += 20s;
  EXPECT_FALSE(use_.used_much("busy"));
  EXPECT_TRUE(use_.used_much("heavy"));
  use_.begin("light");
  EXPECT_TRUE(use_.used_much("busy")) << "of those that hold a permit the lightest counts";
}

TEST_F(PermitUseTest, CountsThePermitsThatAreHeldForLong) {
  use("former", 60s);
  use_.begin("one");
  now_ += 4s;
  use_.begin("two");
  now_ += 2s;
  EXPECT_EQ(use_.held_long(), 1U);
  now_ += 4s;
  EXPECT_EQ(use_.held_long(), 2U);
  use_.end("one");
  EXPECT_EQ(use_.held_long(), 1U);
}

TEST_F(PermitUseTest, ForgetsManyRepositoriesThatHaveFadedAndNoneThatHoldsAPermit) {
  use_.begin("holder");
  now_ += 30s;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      use(std::to_string(round) + "-" + std::to_string(i), 200ms);
    }
    EXPECT_GT(sum(std::to_string(round) + "-999"), 0.1);
    now_ += 24h;
  }
  for (int i = 0; i < 4000; ++i) {
    use("last-" + std::to_string(i), 0ms);
  }
  EXPECT_EQ(sum("0-999"), 0);
  EXPECT_GT(sum("holder"), 400);
}

}  // namespace
}  // namespace adapter::sync
