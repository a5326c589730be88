// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "link.hpp"

namespace adapter::publish {
namespace {

TEST(LinkTarget, IsRelativeToTheFolderOfTheLink) {
  EXPECT_EQ(link_prefix("docs", "docs"), ".adapter/docs/trees/");
  EXPECT_EQ(link_prefix("other", "docs"), ".adapter/docs/trees/");
  EXPECT_EQ(link_prefix("sites/docs", "docs"), "../.adapter/docs/trees/");
  EXPECT_EQ(link_prefix("a/b/c/d", "x.y"), "../../../.adapter/x.y/trees/");
}

}  // namespace
}  // namespace adapter::publish
