// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "transfer_slots.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using Id = TransferSlots::Id;

/// Random transfers that wait for connections in between, seen from outside.
class SlotsModel {
public:
  explicit SlotsModel(std::uint64_t seed)
      : random_(seed), limits_{1 + pick(4), 1 + pick(3), false}, slots_(TransferSlots(limits_)) {}

  void step() {
    now_ += std::chrono::milliseconds(pick(3'000));
    const std::uint64_t what = pick(10);
    if (what < 3) {
      const std::string host(1, static_cast<char>('a' + pick(4)));
      host_[slots_.enter(host, pick(4) == 0 ? 1 + pick(2) : 0)] = host;
    } else if (what < 5 && !active_.empty()) {
      leave(any(active_));
    } else if (what < 7 && !active_.empty()) {
      const Id id = any(active_);
      if (!ending_.contains(id)) {
        slots_.pause(id, now_);
        active_.erase(id);
        paused_.insert(id);
      }
    } else if (what < 9 && !paused_.empty()) {
      const Id id = any(paused_);
      slots_.resume(id);
      paused_.erase(id);
      resuming_.insert(id);
    } else if (!active_.empty()) {
      slots_.received(any(active_), pick(2) * 1'000'000, now_);
    }
    decide();
  }

  /// Everything that was begun can end.
  void drain() {
    for (const Id id : std::set<Id>(paused_)) {
      slots_.resume(id);
      resuming_.insert(id);
    }
    paused_.clear();
    for (int rounds = 0; rounds < 10'000 && !host_.empty(); ++rounds) {
      now_ += 1s;
      decide();
      if (!active_.empty()) {
        leave(*active_.begin());
      }
    }
    EXPECT_TRUE(host_.empty()) << "a transfer waits for ever";
    EXPECT_EQ(slots_.waiting(), 0U);
  }

private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  Id any(const std::set<Id>& of) { return *std::next(of.begin(), static_cast<std::ptrdiff_t>(pick(of.size()))); }

  void leave(Id id) {
    slots_.leave(id);
    active_.erase(id);
    ending_.erase(id);
    host_.erase(id);
  }

  void decide() {
    const TransferSlots::Decisions made = slots_.decide(now_);
    for (const Id id : made.started) {
      EXPECT_TRUE(host_.contains(id) && !active_.contains(id) && !paused_.contains(id)) << id;
      resuming_.erase(id);
      active_.insert(id);
    }
    for (const Id id : made.ended) {
      EXPECT_TRUE(active_.contains(id)) << "a paused one, or one that is gone";
      EXPECT_TRUE(ending_.insert(id).second);
    }
    check();
  }

  void check() {
    EXPECT_LE(active_.size(), 2 * limits_.transfers);
    std::map<std::string, std::size_t> held;
    for (const auto& [id, host] : host_) {
      held[host] += active_.contains(id) || paused_.contains(id) || resuming_.contains(id) ? 1U : 0U;
    }
    for (const auto& [id, host] : host_) {
      EXPECT_LE(held[host], limits_.per_host);
      if (slots_.has_room()) {
        EXPECT_FALSE(resuming_.contains(id)) << "there is room to go on";
        const bool waits = !active_.contains(id) && !paused_.contains(id) && !resuming_.contains(id);
        EXPECT_FALSE(waits && held[host] < limits_.per_host) << "there is room at " << host;
      }
    }
    if (active_.size() < limits_.transfers) {
      EXPECT_TRUE(slots_.has_room()) << "what is paused counts";
    }
  }

  std::mt19937_64 random_;
  TransferSlots::Limits limits_;
  TransferSlots slots_;
  TransferSlots::TimePoint now_{1h};
  std::map<Id, std::string> host_;  ///< of all that have not left
  std::set<Id> active_;
  std::set<Id> paused_;
  std::set<Id> resuming_;
  std::set<Id> ending_;
};

TEST(TransferSlotsModel, PausedTransfersHoldUpNoneAndGoOn) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SlotsModel model(seed);
    for (int step = 0; step < 100; ++step) {
      model.step();
    }
    model.drain();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace adapter::sync
