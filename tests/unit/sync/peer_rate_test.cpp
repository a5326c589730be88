// SPDX-License-Identifier: Apache-2.0
#include "peer_rate.hpp"

#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

class PeerRateTest : public ::testing::Test {
protected:
  /// Second by second, at the end of which `bytes` arrive.
  void pass(std::chrono::seconds time, std::uint64_t bytes) {
    for (auto passed = 0s; passed < time; ++passed) {
      now_ += 1s;
      rate_.received(bytes, now_);
    }
  }

  void hold_up(std::chrono::milliseconds time) {
    rate_.set_held_up(true, now_);
    now_ += time;
    rate_.set_held_up(false, now_);
  }

  PeerRate::TimePoint now_{1h};
  PeerRate rate_{now_, 10s};
};

TEST_F(PeerRateTest, IsTheMeanOfTheLastWindow) {
  pass(10s, 1000);
  EXPECT_EQ(rate_.bytes_per_second(now_), 1000U);
  pass(5s, 3000);
  EXPECT_EQ(rate_.bytes_per_second(now_), 2000U);
  pass(10s, 0);
  EXPECT_EQ(rate_.bytes_per_second(now_), 0U);
}

TEST_F(PeerRateTest, HasAWholeWindowAfterThatMuchOfThePeersTime) {
  pass(6s, 1000);
  hold_up(1h);
  pass(3s, 1000);
  EXPECT_FALSE(rate_.has_whole_window(now_));
  pass(1s, 1000);
  EXPECT_TRUE(rate_.has_whole_window(now_));
}

TEST_F(PeerRateTest, TheReceiversTimeMakesNoFastPeerSlow) {
  for (int round = 0; round < 20; ++round) {
    pass(1s, 1000);
    hold_up(9s);
  }
  EXPECT_EQ(rate_.bytes_per_second(now_), 1000U);
}

TEST_F(PeerRateTest, TheReceiversTimeExcusesNoSlowPeer) {
  for (int round = 0; round < 5; ++round) {
    pass(2s, 10);
    hold_up(1s);
  }
  EXPECT_TRUE(rate_.has_whole_window(now_));
  EXPECT_EQ(rate_.bytes_per_second(now_), 10U);
}

TEST_F(PeerRateTest, StandsStillWhileItIsHeldUp) {
  pass(10s, 1000);
  rate_.set_held_up(true, now_);
  EXPECT_EQ(rate_.bytes_per_second(now_ + 1h), 1000U);
  EXPECT_EQ(rate_.waited(now_ + 1h), 10s);
}

TEST_F(PeerRateTest, ForgetsWhatWasBeforeARestart) {
  pass(20s, 1000);
  hold_up(30s);
  rate_.restart(now_);
  EXPECT_EQ(rate_.waited(now_), 0s);
  EXPECT_EQ(rate_.bytes_per_second(now_), 0U);
}

TEST_F(PeerRateTest, MeasuresShortWindowsToo) {
  PeerRate quick(now_, 100ms);
  now_ += 100ms;
  quick.received(50, now_);
  EXPECT_TRUE(quick.has_whole_window(now_));
  EXPECT_EQ(quick.bytes_per_second(now_), 500U);
}

}  // namespace
}  // namespace adapter::sync
