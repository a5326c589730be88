// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/query.hpp"

#include <gtest/gtest.h>

namespace adapter::http {
namespace {

TEST(QueryValue, IsTheFirstOfItsName) {
  EXPECT_EQ(query_value("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(query_value("a=1&b=2&a=3", "b"), "2");
  EXPECT_EQ(query_value("a=1&b=2", "c"), std::nullopt);
  EXPECT_EQ(query_value("aa=1", "a"), std::nullopt);
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(query_value("&&a=1&", "a"), "1");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
}

TEST(QueryValue, MayBeEmpty) {
  EXPECT_EQ(query_value("wait", "wait"), "");
  EXPECT_EQ(query_value("wait=&x=1", "wait"), "");
  EXPECT_EQ(query_value("=1", ""), "1");
  EXPECT_EQ(query_value("&", ""), std::nullopt);
}

TEST(QueryValue, IsDecoded) {
  EXPECT_EQ(query_value("a=x%20y+z%2B", "a"), "x y z+");
  EXPECT_EQ(query_value("%61%3D=1", "a="), "1");
  EXPECT_EQ(query_value("a=%00", "a"), std::string_view("\0", 1));
  for (const std::string_view bad : {"a=%", "a=%4", "a=%4g", "a=%g4", "a=%%41"}) {
    EXPECT_EQ(query_value(bad, "a"), std::nullopt) << bad;
  }
  EXPECT_EQ(query_value("%=1&a=2", "a"), "2");
}

}  // namespace
}  // namespace adapter::http
