// SPDX-License-Identifier: Apache-2.0
#include "page/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace adapter::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

// What the hashes are of is judged where the program serves them, by code that is not ours.

TEST(Page, IsOneDocumentWithOneScriptAndOneStyle) {
  EXPECT_TRUE(page_html().starts_with("<!doctype html>\n"));
  EXPECT_TRUE(page_html().ends_with("</html>\n"));
  EXPECT_EQ(count(page_html(), "<script>"), 1U);
  EXPECT_EQ(count(page_html(), "<style>"), 1U);
  EXPECT_EQ(count(page_html(), "<script"), 1U);
  EXPECT_EQ(count(page_html(), "<style"), 1U);
}

TEST(Page, HoldsNothingThatItsPolicyWouldRefuse) {
  const std::string html{page_html()};
  EXPECT_THAT(html, Not(HasSubstr(" style=")));
  EXPECT_THAT(html, Not(HasSubstr(" onclick=")));
  EXPECT_THAT(html, Not(HasSubstr("innerHTML")));
  EXPECT_THAT(html, Not(HasSubstr(" src=")));
}

TEST(Page, PolicyAllowsItsOwnScriptAndStyleOnly) {
  const std::string policy{page_content_security_policy()};
  EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_EQ(count(policy, "'sha256-"), 2U);
  EXPECT_THAT(policy, HasSubstr("; connect-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("; frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace adapter::admin
