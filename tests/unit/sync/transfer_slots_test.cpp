// SPDX-License-Identifier: Apache-2.0
#include "transfer_slots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Id = TransferSlots::Id;

/// Slots with a clock that is moved by hand and transfers that receive at a constant rate. The first byte of a pack
/// arrives with the place, except where the host's name begins with "silent".
class TransferSlotsTest : public ::testing::Test {
protected:
  TransferSlots::Decisions enter(TransferSlots& slots, const std::string& host, std::size_t times_ended = 0) {
    last_ = slots.enter(host, times_ended);
    if (host.starts_with("silent")) {
      silent_.insert(last_);
    }
    return decide(slots);
  }

  TransferSlots::Decisions decide(TransferSlots& slots) {
    TransferSlots::Decisions made = slots.decide(now_);
    for (const Id id : made.started) {
      if (!silent_.contains(id)) {
        slots.received(id, 1, now_);
      }
    }
    return made;
  }

  /// Lets time pass second by second; the decisions of all of them. Each of `rates` receives so many bytes a second.
  TransferSlots::Decisions pass(TransferSlots& slots, std::chrono::seconds time,
                                const std::map<Id, std::uint64_t>& rates = {}) {
    TransferSlots::Decisions all;
    for (auto passed = 0s; passed < time; ++passed) {
      now_ += 1s;
      for (const auto& [id, bytes] : rates) {
        slots.received(id, bytes, now_);
      }
      const TransferSlots::Decisions made = decide(slots);
      all.started.insert(all.started.end(), made.started.begin(), made.started.end());
      all.ended.insert(all.ended.end(), made.ended.begin(), made.ended.end());
    }
    return all;
  }

  TransferSlots::TimePoint now_{1h};
  Id last_ = 0;
  std::set<Id> silent_;  ///< transfers whose server prepares
};

constexpr std::uint64_t fast = 1024UL * 1024;
constexpr std::uint64_t drip = 2048;

TEST_F(TransferSlotsTest, GivesPlacesInTheOrderOfArrival) {
  TransferSlots slots({2, 2});
  EXPECT_THAT(enter(slots, "a").started, ElementsAre(1));
  EXPECT_THAT(enter(slots, "b").started, ElementsAre(2));
  EXPECT_THAT(enter(slots, "c").started, IsEmpty());
  EXPECT_THAT(enter(slots, "d").started, IsEmpty());
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(3));
  EXPECT_EQ(slots.waiting(), 1U);
}

TEST_F(TransferSlotsTest, LeavesAConnectionOfEachHostForChecks) {
  EXPECT_EQ(TransferSlots::Limits::of(32, 4).per_host, 3U);
  EXPECT_EQ(TransferSlots::Limits::of(32, 2).per_host, 1U);
  EXPECT_FALSE(TransferSlots::Limits::of(32, 2).shared_with_checks);
  EXPECT_EQ(TransferSlots::Limits::of(32, 1).per_host, 1U);
  EXPECT_TRUE(TransferSlots::Limits::of(32, 1).shared_with_checks);
}

TEST_F(TransferSlotsTest, AFullHostHoldsUpNoOther) {
  TransferSlots slots({8, 2});
  enter(slots, "a");
  enter(slots, "a");
  EXPECT_THAT(enter(slots, "a").started, IsEmpty());
  EXPECT_THAT(enter(slots, "b").started, ElementsAre(4));
  slots.leave(2);
  EXPECT_THAT(decide(slots).started, ElementsAre(3));
}

TEST_F(TransferSlotsTest, MovesASlowOneAsideWhenAnotherWaits) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  EXPECT_THAT(pass(slots, 30s, {{1, drip}}).ended, IsEmpty()) << "it disturbs none";
  EXPECT_THAT(enter(slots, "b").started, ElementsAre(2)) << "it has been slow for long enough";
  EXPECT_THAT(pass(slots, 5s, {{1, drip}}).ended, IsEmpty()) << "it receives on";
}

TEST_F(TransferSlotsTest, JudgesNoneBeforeTenSeconds) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  EXPECT_THAT(pass(slots, 9s).started, IsEmpty());
  EXPECT_THAT(pass(slots, 1s).started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, AFastOneKeepsItsPlace) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  EXPECT_THAT(pass(slots, 60s, {{1, TransferSlots::slow_bytes_per_second}}).started, IsEmpty());
  EXPECT_THAT(pass(slots, 10s, {{1, TransferSlots::slow_bytes_per_second - 1}}).started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, OneThatWasFastAndStallsIsSlowAfterTenSeconds) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  pass(slots, 20s, {{1, TransferSlots::slow_bytes_per_second * 2}});
  enter(slots, "b");
  EXPECT_THAT(pass(slots, 4s).started, IsEmpty());
  EXPECT_THAT(pass(slots, 6s).started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, TheTimeAReceiverTakesSaysNothingAboutThePeer) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  slots.set_held_up(1, true, now_);
  EXPECT_THAT(pass(slots, 60s).started, IsEmpty());
  slots.set_held_up(1, false, now_);
  EXPECT_THAT(pass(slots, 9s).started, IsEmpty());
  EXPECT_THAT(pass(slots, 1s).started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, AReceiverThatTakesEachPartAtOnceDoesNotExcuseThePeer) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  std::vector<Id> started;
  for (int second = 0; second < 10; ++second) {
    slots.set_held_up(1, true, now_);
    slots.set_held_up(1, false, now_);
    const auto made = pass(slots, 1s);
    started.insert(started.end(), made.started.begin(), made.started.end());
  }
  EXPECT_THAT(started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, AReceiverThatIsBusyNowAndThenDoesNotExcuseThePeer) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  std::vector<Id> started;
  for (int round = 0; round < 4; ++round) {
    const auto waited = pass(slots, 3s, {{1, drip}});
    slots.set_held_up(1, true, now_);
    const auto busy = pass(slots, 2s);
    slots.set_held_up(1, false, now_);
    EXPECT_THAT(busy.started, IsEmpty()) << "time of the receiver counts for nothing";
    started.insert(started.end(), waited.started.begin(), waited.started.end());
  }
  EXPECT_THAT(started, ElementsAre(2)) << "after ten seconds in which it waited for the peer";
}

TEST_F(TransferSlotsTest, TheSlowestEndsWhenTheOverflowIsFull) {
  TransferSlots slots({2, 8});
  enter(slots, "a");
  enter(slots, "b");
  enter(slots, "c");
  enter(slots, "d");
  EXPECT_THAT(pass(slots, 10s, {{1, drip}, {2, drip * 2}}).started, ElementsAre(3, 4));
  enter(slots, "e");
  const auto later = pass(slots, 10s, {{1, drip}, {2, drip * 2}, {3, drip * 3}, {4, drip * 4}});
  EXPECT_THAT(later.ended, ElementsAre(1));
  EXPECT_THAT(later.started, IsEmpty());
  EXPECT_THAT(pass(slots, 5s, {{2, drip}, {3, drip}, {4, drip}}).ended, IsEmpty()) << "one end for one that waits";
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(5));
}

TEST_F(TransferSlotsTest, TheSlowestOfAHostEndsWhenOneWaitsForTheHost) {
  TransferSlots slots({32, 3});
  for (int i = 0; i < 4; ++i) {
    enter(slots, "a");
  }
  EXPECT_THAT(pass(slots, 10s, {{1, drip * 2}, {2, drip}, {3, fast}}).ended, ElementsAre(2));
  slots.leave(2);
  EXPECT_THAT(decide(slots).started, ElementsAre(4));
  enter(slots, "b");
  EXPECT_THAT(decide(slots).ended, IsEmpty());
}

TEST_F(TransferSlotsTest, OneThatWasEndedWaitsBehindAllAndEndsNone) {
  TransferSlots slots({1, 1});
  enter(slots, "a");
  pass(slots, 20s);
  EXPECT_THAT(enter(slots, "a", 1).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 20s).ended, IsEmpty());
  EXPECT_THAT(enter(slots, "a").ended, ElementsAre(1));
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(3));
  slots.leave(3);
  EXPECT_THAT(decide(slots).started, ElementsAre(2));
}

TEST_F(TransferSlotsTest, OneThatPreparesKeepsItsPlaceAtABusyHost) {
  TransferSlots slots({8, 3});
  enter(slots, "silent");  // 1: a large repository
  std::vector<Id> ended;
  for (int second = 0; second < 120; ++second) {
    // Small ones come and go: two hold a place, one waits.
    while (slots.waiting() == 0) {
      enter(slots, "silent");
    }
    const auto made = pass(slots, 1s);
    ended.insert(ended.end(), made.ended.begin(), made.ended.end());
    slots.leave(last_ - 1);
    decide(slots);
  }
  EXPECT_THAT(ended, IsEmpty());
}

TEST_F(TransferSlotsTest, OneThatPreparesIsSlowAfterFiveMinutes) {
  TransferSlots slots({8, 1});
  enter(slots, "silent");
  enter(slots, "silent");
  EXPECT_THAT(pass(slots, TransferSlots::patience - 1s).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 1s).ended, ElementsAre(1));
}

TEST_F(TransferSlotsTest, TheRateCountsFromTheFirstByteOfThePack) {
  TransferSlots slots({8, 1});
  enter(slots, "silent");
  enter(slots, "silent");
  EXPECT_THAT(pass(slots, 100s).ended, IsEmpty());
  slots.received(1, 1, now_);
  EXPECT_THAT(pass(slots, 9s).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 1s).ended, ElementsAre(1));
}

TEST_F(TransferSlotsTest, OneThatPreparesMovesAsideWhereOnlyPlacesOfAllAreMissing) {
  TransferSlots slots({2, 3});
  enter(slots, "silent1");
  enter(slots, "silent2");
  enter(slots, "b");
  const auto made = pass(slots, 10s);
  EXPECT_THAT(made.started, ElementsAre(3));
  EXPECT_THAT(made.ended, IsEmpty());
}

TEST_F(TransferSlotsTest, OneThatPreparesEndsWhenTheOverflowIsFullOfSuch) {
  TransferSlots slots({2, 3});
  for (int i = 1; i <= 4; ++i) {
    enter(slots, "silent" + std::to_string(i));
  }
  EXPECT_THAT(pass(slots, 10s).started, ElementsAre(3, 4));
  enter(slots, "b");
  EXPECT_THAT(pass(slots, 10s).ended, ElementsAre(4)) << "the others are nearer to their first byte";
  slots.leave(4);
  EXPECT_THAT(decide(slots).started, ElementsAre(5));
}

TEST_F(TransferSlotsTest, ThoseThatPrepareKeepHalfOfTheirHost) {
  TransferSlots slots({32, 3});
  for (int i = 0; i < 4; ++i) {
    enter(slots, "silent");
  }
  enter(slots, "silent");
  EXPECT_THAT(pass(slots, 9s).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 1s).ended, ElementsAre(3)) << "two of three stay";
  slots.leave(3);
  EXPECT_THAT(decide(slots).started, ElementsAre(4));
  EXPECT_THAT(pass(slots, 10s).ended, ElementsAre(4));
  slots.leave(4);
  EXPECT_THAT(decide(slots).started, ElementsAre(5)) << "20 s after the first four";
}

TEST_F(TransferSlotsTest, OneThatWasEndedTwiceIsNotEndedAgain) {
  TransferSlots slots({32, 2});
  enter(slots, "a", 2);
  enter(slots, "a");
  enter(slots, "a");
  EXPECT_THAT(pass(slots, 60s, {{1, drip}, {2, fast}}).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 60s, {{1, drip}, {2, drip * 2}}).ended, ElementsAre(2)) << "the other place is given on";
}

TEST_F(TransferSlotsTest, OneThatWasEndedTwiceHasTheNextPlaceOfItsHost) {
  TransferSlots slots({32, 2});
  enter(slots, "a");
  enter(slots, "a");
  enter(slots, "a");
  enter(slots, "a", 2);
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(4));
}

TEST_F(TransferSlotsTest, AHostProtectsOneTransferAtATime) {
  TransferSlots slots({32, 2});
  enter(slots, "a", 2);
  enter(slots, "a", 2);
  enter(slots, "a");
  EXPECT_THAT(pass(slots, 10s, {{1, drip}, {2, drip}}).ended, ElementsAre(2));
  slots.leave(2);
  EXPECT_THAT(decide(slots).started, ElementsAre(3));
  slots.leave(3);
  enter(slots, "a", 2);
  EXPECT_THAT(enter(slots, "a").ended, IsEmpty());
  slots.leave(1);
  enter(slots, "a", 2);
  EXPECT_THAT(pass(slots, 20s, {{last_, drip}}).ended, ElementsAre(4)) << "the place of the one that has left";
}

TEST_F(TransferSlotsTest, AHostOfOnePlaceProtectsNone) {
  TransferSlots slots({32, 1});
  enter(slots, "a", 2);
  enter(slots, "a");
  EXPECT_THAT(pass(slots, 10s, {{1, drip}}).ended, ElementsAre(1));
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(2));
  enter(slots, "a", 2);
  enter(slots, "a");
  slots.leave(2);
  EXPECT_THAT(decide(slots).started, ElementsAre(4)) << "the protected one waits behind it";
}

TEST_F(TransferSlotsTest, ProtectedOnesDoNotStarveOtherHosts) {
  TransferSlots slots({1, 2});
  enter(slots, "a", 2);
  pass(slots, 10s, {{1, drip}});
  EXPECT_THAT(enter(slots, "b", 2).started, IsEmpty()) << "it ends none and moves none aside";
  EXPECT_THAT(enter(slots, "c").started, ElementsAre(3)) << "the protected one is in the overflow";
  enter(slots, "d");
  EXPECT_THAT(pass(slots, 10s, {{1, drip}, {3, fast}}).ended, IsEmpty());
  EXPECT_THAT(pass(slots, 10s, {{1, drip * 2}, {3, drip}}).ended, ElementsAre(3));
  slots.leave(3);
  decide(slots);
}

TEST_F(TransferSlotsTest, AProtectedOneEndsWhereAllPlacesAreHeldByProtectedOnes) {
  TransferSlots slots({1, 2});
  enter(slots, "a", 2);
  pass(slots, 10s, {{1, drip}});
  enter(slots, "b");  // moves the first aside
  enter(slots, "c", 2);
  slots.leave(2);
  EXPECT_THAT(decide(slots).started, ElementsAre(3));
  enter(slots, "d");
  EXPECT_THAT(pass(slots, 10s, {{1, drip}, {3, drip * 2}}).ended, ElementsAre(1)) << "the slowest of them";
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, ElementsAre(4));
}

TEST_F(TransferSlotsTest, TheOverflowGoesBackToFreePlaces) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  pass(slots, 10s);
  enter(slots, "b");
  slots.leave(2);
  decide(slots);
  EXPECT_FALSE(slots.has_room()) << "the first has the place again";
  EXPECT_THAT(enter(slots, "c").started, ElementsAre(3)) << "and moves aside again";
}

TEST_F(TransferSlotsTest, OneThatWaitsMayLeave) {
  TransferSlots slots({1, 1});
  enter(slots, "a");
  enter(slots, "a");
  slots.leave(2);
  EXPECT_EQ(slots.waiting(), 0U);
  slots.leave(1);
  EXPECT_THAT(enter(slots, "a").started, ElementsAre(3));
}

TEST_F(TransferSlotsTest, AFreePlaceIsGivenAtOnceWhereNoneWaitsForIt) {
  TransferSlots slots({2, 1});
  EXPECT_EQ(slots.try_enter("a", now_), Id{1});
  EXPECT_EQ(slots.try_enter("a", now_), std::nullopt) << "its host has one place";
  enter(slots, "a");
  slots.leave(1);
  EXPECT_EQ(slots.try_enter("a", now_), std::nullopt) << "another one waits for it";
  EXPECT_THAT(decide(slots).started, ElementsAre(2));
  EXPECT_TRUE(slots.try_enter("b", now_).has_value());
  EXPECT_EQ(slots.try_enter("c", now_), std::nullopt) << "all places are taken";
  EXPECT_EQ(slots.waiting(), 0U);
}

TEST_F(TransferSlotsTest, MorePlacesAreGivenAtOnceAndFewerAsTheyComeBack) {
  TransferSlots slots({1, 8});
  enter(slots, "a");
  enter(slots, "b");
  slots.set_limits({2, 8});
  EXPECT_THAT(decide(slots).started, ElementsAre(2));
  slots.set_limits({1, 8});
  enter(slots, "c");
  slots.leave(1);
  EXPECT_THAT(decide(slots).started, IsEmpty());
}

}  // namespace
}  // namespace adapter::sync
