// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/redirect.hpp"

#include <gtest/gtest.h>

#include "corpus.hpp"

namespace adapter::http {
namespace {

using testing::url;

TEST(RedirectCorpus, IsFollowedWithinTheOriginOnly) {
  const auto rows = testing::corpus("redirect");
  ASSERT_GT(rows.size(), 40U);
  for (const auto& row : rows) {
    const auto result = redirect_target(url(row.at(1)), row.at(2), 0);
    const std::string_view expected = row.at(3);
    if (!expected.starts_with('!')) {
      ASSERT_TRUE(result.has_value()) << row.at(2) << ": " << result.error().text();
      EXPECT_EQ(result->to_string(), expected) << row.at(2);
      continue;
    }
    ASSERT_FALSE(result.has_value()) << row.at(2) << " leads to " << result->to_string();
    const auto space = expected.find(' ');
    EXPECT_EQ(to_string(result.error().error_class()), expected.substr(1, space - 1)) << row.at(2);
    const auto& text = result.error().text();
    EXPECT_NE(text.find(expected.substr(space + 1)), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_EQ(text.find("service="), std::string::npos) << text;
  }
}

TEST(Redirect, StopsAfterFiveHops) {
  const auto from = url("https://a/x");
  EXPECT_TRUE(redirect_target(from, "/y", 4).has_value());
  const auto result = redirect_target(from, "/y", 5);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().error_class(), ErrorClass::protocol);
  EXPECT_EQ(result.error().text(), "https://a/x was redirected more than 5 times");
}

TEST(Redirect, RefusesALocationOverTheLimit) {
  EXPECT_FALSE(redirect_target(url("https://a/x"), "/" + std::string(5000, 'y'), 0).has_value());
}

TEST(Redirect, IsOneOfFiveStatuses) {
  for (const int status : {301, 302, 303, 307, 308}) {
    EXPECT_TRUE(is_redirect_status(status));
  }
  for (const int status : {200, 300, 304, 305, 306, 309, 404}) {
    EXPECT_FALSE(is_redirect_status(status));
  }
}

TEST(BaseAfterRedirect, TakesTheDiscoveryOffTheEnd) {
  EXPECT_EQ(base_after_redirect(url("https://a/new.git/info/refs?service=git-upload-pack"))->to_string(),
            "https://a/new.git");
  EXPECT_EQ(base_after_redirect(url("https://a/new.git/info/refs"))->to_string(), "https://a/new.git");
  EXPECT_EQ(base_after_redirect(url("https://a:8443/info/refs"))->to_string(), "https://a:8443/");
}

TEST(BaseAfterRedirect, RefusesEveryOtherEnd) {
  for (const std::string_view landed :
       {"https://a/", "https://a/login", "https://a/login?next=/info/refs", "https://a/x/info/refs/",
        "https://a/xinfo/refs", "https://a/x/info/refs?service=git-upload-pack&token=hunter2",
        "https://a/x/info/refs?service=git-receive-pack", "https://a/x/info%2Frefs"}) {
    const auto result = base_after_redirect(url(landed));
    ASSERT_FALSE(result.has_value()) << landed;
    EXPECT_EQ(result.error().error_class(), ErrorClass::protocol);
    EXPECT_NE(result.error().text().find("is not the /info/refs of a repository"), std::string::npos);
    EXPECT_EQ(result.error().text().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace adapter::http
