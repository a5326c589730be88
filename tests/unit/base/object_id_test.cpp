// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/object_id.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_set>

namespace adapter {
namespace {

constexpr std::string_view hex = "0123456789abcdef0123456789abcdef01234567";

TEST(ObjectId, ReadsAndWritesTheSameForm) {
  const auto id = ObjectId::from_hex(hex);
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->to_hex(), hex);
  EXPECT_EQ(id->bytes()[0], 0x01);
  EXPECT_EQ(id->bytes()[7], 0xEF);
  EXPECT_EQ(ObjectId(id->bytes()), *id);
}

TEST(ObjectId, RefusesWhatGitWouldNotWrite) {
  std::string upper(hex);
  upper[10] = 'A';
  std::string other(hex);
  other[39] = 'g';
  for (const std::string& text : {std::string(), std::string(hex.substr(1)), std::string(hex) + "0", upper, other,
                                  " " + std::string(hex.substr(1)), std::string(64, '0')}) {
    EXPECT_EQ(ObjectId::from_hex(text), std::nullopt) << text;
  }
}

TEST(ObjectId, IsZeroByDefault) {
  EXPECT_TRUE(ObjectId{}.is_zero());
  EXPECT_EQ(ObjectId{}.to_hex(), std::string(40, '0'));
  EXPECT_FALSE(ObjectId::from_hex(hex)->is_zero());
}

TEST(ObjectId, OrdersByItsBytesAndHashes) {
  const ObjectId low = *ObjectId::from_hex("00ff000000000000000000000000000000000000");
  const ObjectId high = *ObjectId::from_hex("8000000000000000000000000000000000000000");
  EXPECT_LT(low, high);
  std::unordered_set<ObjectId> ids{low, high, low};
  EXPECT_EQ(ids.size(), 2U);
}

}  // namespace
}  // namespace adapter
