// SPDX-License-Identifier: Apache-2.0
#include "history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stop_token>
#include <vector>

#include "memory_source.hpp"

using adapter::ErrorClass;
using adapter::ObjectId;
using adapter::store::walk_history;

namespace {

class WalkHistory : public testing::Test {
protected:
  ObjectId commit(std::initializer_list<ObjectId> parents) {
    std::string lines;
    for (const ObjectId& parent : parents) {
      lines += "parent " + parent.to_hex() + "\n";
    }
    return source.commit(tree, lines);
  }
  auto walk(std::vector<ObjectId> tips, std::uint32_t depth, std::vector<ObjectId> shallow = {},
            std::vector<ObjectId> known = {}) {
    return walk_history(source, tips, depth, shallow, known, {});
  }

  MemorySource source;
  ObjectId tree = source.tree("");
  ObjectId a = commit({});
  ObjectId b = commit({a});
  ObjectId c = commit({b});
  ObjectId d = commit({c});
};

TEST_F(WalkHistory, AllOfItWithoutADepth) {
  const auto history = walk({d}, 0);
  EXPECT_EQ(history.commits, (std::vector<ObjectId>{d, c, b, a}));
  EXPECT_TRUE(history.shallow.empty());
}

TEST_F(WalkHistory, ADepthMakesABoundary) {
  EXPECT_EQ(walk({d}, 1).shallow, std::vector<ObjectId>{d});
  EXPECT_EQ(walk({d}, 2).shallow, std::vector<ObjectId>{c});
  EXPECT_EQ(walk({d}, 4).shallow, std::vector<ObjectId>{});
  EXPECT_EQ(walk({d}, 9).commits.size(), 4U);
}

TEST_F(WalkHistory, NeighbouringTipsShareABoundary) {
  const auto history = walk({d, c}, 1);
  EXPECT_EQ(history.shallow, std::vector<ObjectId>{c});
}

TEST_F(WalkHistory, NothingIsReadPastTheBoundary) {
  source.remove(a);
  source.remove(b);
  const auto history = walk({d}, 50, {c});
  EXPECT_EQ(history.commits, (std::vector<ObjectId>{d, c}));
  EXPECT_EQ(history.shallow, std::vector<ObjectId>{c});
  EXPECT_EQ(walk({d}, 0, {c}).shallow, std::vector<ObjectId>{c});
}

TEST_F(WalkHistory, AMissingParentEndsALimitedHistoryAndBreaksAFullOne) {
  source.remove(b);
  EXPECT_EQ(walk({d}, 50).shallow, std::vector<ObjectId>{c});
  try {
    walk({d}, 0);
    ADD_FAILURE() << "it passed";
  } catch (const adapter::Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::corrupt);
  }
}

TEST_F(WalkHistory, WhatIsKnownIsNotWalkedAgain) {
  const int before = source.reads;
  walk({d}, 0, {}, {c});
  EXPECT_EQ(source.reads - before, 1);
}

TEST_F(WalkHistory, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const std::vector<ObjectId> tips{d};
  try {
    static_cast<void>(walk_history(source, tips, 0, {}, {}, stop.get_token()));
    ADD_FAILURE() << "it went on";
  } catch (const adapter::Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled) << error.text();
  }
}

TEST_F(WalkHistory, AMergeIsWholeOnlyWithAllParents) {
  const ObjectId side = commit({a});
  const ObjectId merge = commit({b, side});
  EXPECT_EQ(walk({merge, b}, 1).shallow.size(), 2U);
  EXPECT_TRUE(walk({merge, b}, 2).shallow.empty());
  EXPECT_EQ(walk({merge}, 2).shallow.size(), 2U);
}

}  // namespace
