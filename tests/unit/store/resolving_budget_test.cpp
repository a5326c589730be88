// SPDX-License-Identifier: Apache-2.0
#include "resolving_budget.hpp"

#include <gtest/gtest.h>

#include <chrono>

using adapter::ErrorClass;
using adapter::gib;
using adapter::kib;
using adapter::Limits;
using adapter::mib;
using adapter::store::PackCost;
using adapter::store::resolving_time;
using adapter::store::ResolvingBudget;
using adapter::store::unfolding_refusal;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// `versions` of a file of `file_bytes` in chains of up to fifty deltas, as git packs them.
PackCost versions_of(std::uint64_t versions, std::uint64_t file_bytes, std::uint64_t pack_bytes) {
  const std::uint64_t unfolded = versions * 25 * file_bytes;
  return {pack_bytes, 3 * versions, unfolded, file_bytes > mib ? unfolded : 0};
}

TEST(ResolvingBudget, APackWithoutDeltasHasTheTimeOfItsSize) {
  EXPECT_EQ(resolving_time({}, {}, {}), seconds(20));
  EXPECT_EQ(resolving_time({}, {100 * mib, 1'000'000, 0, 0}, {}), seconds(20 + 25 + 100));
}

// A machine of 2026 takes 65 seconds of CPU for the first of these, and a slow one four times as much.
TEST(ResolvingBudget, ManyVersionsOfALargeFileHaveTheTimeThatTheyTake) {
  for (const PackCost& cost : {versions_of(300, 12 * mib, 17 * mib), versions_of(40, 100 * mib, 25 * mib)}) {
    EXPECT_FALSE(unfolding_refusal(cost, {}).has_value());
    EXPECT_GT(resolving_time({}, cost, {}), seconds(4 * 66));
    EXPECT_LT(resolving_time({}, cost, {}), minutes(15));
  }
  // 3,000 versions of 900 KiB, which are below the size that counts as large.
  EXPECT_GT(resolving_time({}, versions_of(3'000, 900 * kib, 12 * mib), {}), seconds(4 * 33));
}

TEST(ResolvingBudget, ASmallPackBuysLittleTimeWhateverItUnfoldsTo) {
  const PackCost bomb{2 * mib, 60'000, UINT64_MAX, 0};
  EXPECT_LT(resolving_time({}, bomb, {}), seconds(150));
}

TEST(ResolvingBudget, NoPackBuysMoreThanTheTreesLimitGives) {
  const PackCost pack{2 * gib, 0, UINT64_MAX, 0};
  Limits limits;
  limits.max_tree_bytes = 1 * gib;
  EXPECT_EQ(resolving_time({}, pack, limits), seconds(20 + 512 + 192));
  limits.max_tree_bytes = UINT64_MAX;
  EXPECT_LE(resolving_time({}, {UINT64_MAX / 4096, 0, UINT64_MAX, 0}, limits) -
                resolving_time({}, {UINT64_MAX / 4096, 0, 0, 0}, limits),
            std::chrono::hours(24));
}

TEST(ResolvingBudget, MoreVersionsThanAnyTreeNeedsAreRefused) {
  Limits limits;
  limits.max_tree_bytes = 1 * gib;
  PackCost cost{17 * mib, 900, 32 * gib, 32 * gib};
  EXPECT_FALSE(unfolding_refusal(cost, limits).has_value());
  cost.large_unfolded_bytes += 1;
  const auto error = unfolding_refusal(cost, limits);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->error_class(), ErrorClass::limit);
  EXPECT_FALSE(error->retryable());
  EXPECT_NE(error->text().find("(depth: 1)"), std::string::npos) << error->text();
  EXPECT_NE(error->text().find("limits.max_tree_bytes"), std::string::npos) << error->text();
  // libgit2 has small objects in its cache: many of them are no reason to refuse a large repository.
  cost = {1 * gib, 4'000'000, UINT64_MAX, 0};
  EXPECT_FALSE(unfolding_refusal(cost, limits).has_value());
}

}  // namespace
