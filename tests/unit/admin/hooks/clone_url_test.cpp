// SPDX-License-Identifier: Apache-2.0
#include "hooks/clone_url.hpp"

#include <gtest/gtest.h>

#include <string>

#include "hooks/payload.hpp"

namespace adapter::admin {
namespace {

bool same(std::string_view configured, std::string_view clone_url) {
  return same_repository(http::Url::parse(configured).value(), clone_url);
}

TEST(SameRepository, IsFoundHoweverItIsWritten) {
  for (const std::string_view configured : {"https://git.example.com/team/docs.git",
                                            "https://Git.Example.com/team/docs", "http://git.example.com/team/docs/"}) {
    for (const std::string_view text :
         {"https://git.example.com/team/docs.git", "https://git.example.com/team/docs",
          "http://git.example.com/team/docs/", "HTTPS://GIT.example.com:443/team/docs.git/",
          "http://git.example.com:80/team/docs", "https://bot@git.example.com/team/docs.git",
          "https://bot:x%40@git.example.com/team/docs", "git://git.example.com/team/docs.git",
          "ssh://git@git.example.com/team/docs.git", "ssh://git@git.example.com:2222/team/docs.git",
          "git@git.example.com:team/docs.git", "git.example.com:team/docs", "git@git.example.com:/team/docs.git"}) {
      EXPECT_TRUE(same(configured, text)) << configured << " " << text;
    }
  }
}

TEST(SameRepository, IsNoOther) {
  for (const std::string_view text : {"https://git.example.com/team/docs2",
                                      "https://git.example.com/team",
                                      "https://git.example.com/Team/docs",
                                      "https://git.example.com/team/docs.git.git",
                                      "https://git.example.com/team//docs",
                                      "https://git.example.com/x/team/docs",
                                      "https://git.example.org/team/docs",
                                      "https://xgit.example.com/team/docs",
                                      "https://git.example.com.evil/team/docs",
                                      "https://evil/git.example.com/team/docs",
                                      "https://git.example.com@evil/team/docs",
                                      "https://evil/@git.example.com/team/docs",
                                      "https://git.example.com:8443/team/docs",
                                      "https://git.example.com/team/docs?x",
                                      "https://git.example.com/team/docs#x",
                                      "git@evil:git.example.com/team/docs",
                                      "file:///team/docs",
                                      "/team/docs",
                                      "ftp://git.example.com/team/docs",
                                      "git.example.com/team/docs",
                                      "team/docs",
                                      "",
                                      "://",
                                      "https://",
                                      "ssh://git@",
                                      ":",
                                      "@:",
                                      "https://git.example.com",
                                      "git@git.example.com:",
                                      "https://git.example.com/team/docs\n",
                                      "https://git.example.com/team/%64ocs"}) {
    EXPECT_FALSE(same("https://git.example.com/team/docs.git", text)) << text;
  }
}

TEST(SameRepository, ComparesThePortThatIsNamed) {
  const std::string_view configured = "https://git.example.com:3000/team/docs";
  EXPECT_TRUE(same(configured, "https://git.example.com:3000/team/docs.git"));
  EXPECT_TRUE(same(configured, "http://git.example.com:3000/team/docs.git"));
  EXPECT_TRUE(same(configured, "https://git.example.com/team/docs.git"));
  EXPECT_TRUE(same(configured, "ssh://git@git.example.com:22/team/docs.git"));
  EXPECT_FALSE(same(configured, "https://git.example.com:3001/team/docs.git"));
}

TEST(SameRepository, ReadsIpv6AddressesInBrackets) {
  EXPECT_TRUE(same("https://[2001:db8::1]:3000/a/b", "http://[2001:DB8:0::1]:3000/a/b.git"));
  EXPECT_TRUE(same("https://[2001:db8::1]/a/b", "ssh://git@[2001:db8::1]:2222/a/b.git"));
  EXPECT_FALSE(same("https://[2001:db8::1]/a/b", "https://[2001:db8::2]/a/b"));
}

TEST(SameRepository, NeedsAPath) {
  EXPECT_FALSE(same("https://git.example.com", "https://git.example.com/"));
  EXPECT_FALSE(same("https://git.example.com/.git", "https://git.example.com/.git"));
}

TEST(SameRepository, ReadsNoAddressOfMoreThanTwoKib) {
  const std::string path(max_clone_url_bytes - 10, 'x');
  EXPECT_TRUE(same("https://a/" + path, "https://a/" + path));
  EXPECT_FALSE(same("https://a/" + path + "x", "https://a/" + path + "x"));
}

}  // namespace
}  // namespace adapter::admin
