// SPDX-License-Identifier: Apache-2.0
#include "check_watch.hpp"

#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using Verdict = CheckWatch::Verdict;

class CheckWatchTest : public ::testing::Test {
protected:
  /// Looks each second, until a verdict ends the check or the time is over. The time that passed.
  std::chrono::seconds pass(std::chrono::seconds time, std::uint64_t bytes_per_second, bool is_waited_for) {
    for (auto passed = 1s; passed <= time; ++passed) {
      now_ += 1s;
      verdict_ = watch_.look(bytes_per_second, is_waited_for, now_);
      if (verdict_ != Verdict::goes_on) {
        return passed;
      }
    }
    return time;
  }

  CheckWatch::TimePoint now_{1h};
  CheckWatch watch_{now_};
  Verdict verdict_ = Verdict::goes_on;
};

TEST_F(CheckWatchTest, ASlowCheckEndsAfterTenSecondsWhileAnotherOneWaits) {
  EXPECT_EQ(pass(60s, 1600, true), 10s);
  EXPECT_EQ(verdict_, Verdict::ends_for_another);
}

TEST_F(CheckWatchTest, AServerThatSendsNoByteIsSlow) {
  EXPECT_EQ(pass(60s, 0, true), 10s);
  EXPECT_EQ(verdict_, Verdict::ends_for_another);
}

TEST_F(CheckWatchTest, ASlowCheckGoesOnWhileNoneWaits) {
  pass(119s, 1600, false);
  EXPECT_EQ(verdict_, Verdict::goes_on);
}

TEST_F(CheckWatchTest, OneThatHasBeenSlowEndsAsSoonAsAnotherOneWaits) {
  pass(30s, 1600, false);
  EXPECT_EQ(pass(10s, 1600, true), 1s);
  EXPECT_EQ(verdict_, Verdict::ends_for_another);
}

TEST_F(CheckWatchTest, AFastCheckGoesOnWhileOthersWait) {
  pass(119s, CheckWatch::slow_bytes_per_second, true);
  EXPECT_EQ(verdict_, Verdict::goes_on);
}

TEST_F(CheckWatchTest, RemembersThatACheckWasSlow) {
  pass(9s, 1600, false);
  EXPECT_FALSE(watch_.was_slow()) << "it is not judged yet";
  pass(1s, 1600, false);
  pass(20s, 1024UL * 1024, false);
  EXPECT_TRUE(watch_.was_slow());
}

TEST_F(CheckWatchTest, EveryCheckEndsAfterTwoMinutesOfItsConnection) {
  EXPECT_EQ(pass(10min, 1024UL * 1024, false), 2min);
  EXPECT_EQ(verdict_, Verdict::took_too_long);
}

}  // namespace
}  // namespace adapter::sync
