// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/url.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "corpus.hpp"

namespace adapter::http {
namespace {

using testing::url;

TEST(UrlCorpus, GoodOnesAreReadAndPrintedInOneForm) {
  const auto rows = testing::corpus("good");
  ASSERT_GT(rows.size(), 50U);
  for (const auto& row : rows) {
    const auto result = Url::parse(row.at(1));
    ASSERT_TRUE(result.has_value()) << row.at(1) << ": " << result.error().text();
    EXPECT_EQ(result->to_string(), row.at(2)) << row.at(1);
    const auto again = Url::parse(result->to_string());
    ASSERT_TRUE(again.has_value()) << row.at(1);
    EXPECT_EQ(*again, *result) << row.at(1);
  }
}

TEST(UrlCorpus, BadOnesAreRefusedWithoutBeingQuoted) {
  const auto rows = testing::corpus("bad");
  ASSERT_GT(rows.size(), 150U);
  for (const auto& row : rows) {
    const auto result = Url::parse(row.at(1));
    ASSERT_FALSE(result.has_value()) << row.at(1) << " was read as " << result->to_string();
    const auto& text = result.error().text();
    EXPECT_EQ(result.error().error_class(), ErrorClass::config) << row.at(1);
    EXPECT_NE(text.find(row.at(2)), std::string::npos) << row.at(1) << ": " << text;
    for (const std::string_view secret : {"hunter2", "topsecret", "hun", "ter2"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << row.at(1) << ": " << text;
    }
  }
}

TEST(Url, IsAtMostFourKibLong) {
  const std::string start = "https://a/";
  EXPECT_TRUE(Url::parse(start + std::string(4096 - start.size(), 'x')).has_value());
  const auto longer = Url::parse(start + std::string(4097 - start.size(), 'x'));
  ASSERT_FALSE(longer.has_value());
  EXPECT_NE(longer.error().text().find("4096 bytes"), std::string::npos);
}

TEST(Url, HasParts) {
  const auto whole = url("https://Git.Example.com:8443/team/docs.git?a=b");
  EXPECT_EQ(whole.origin(), (Origin{"https", "git.example.com", 8443}));
  EXPECT_EQ(whole.path(), "/team/docs.git");
  EXPECT_EQ(whole.query(), "a=b");
  EXPECT_EQ(whole.target(), "/team/docs.git?a=b");
  EXPECT_EQ(whole.display(), "https://git.example.com:8443/team/docs.git");
  const auto bare = url("http://a");
  EXPECT_EQ(bare.origin(), (Origin{"http", "a", 80}));
  EXPECT_EQ(bare.target(), "/");
  EXPECT_EQ(bare.query(), "");
}

TEST(Origin, IsWrittenWithItsPortOnlyWhereItMatters) {
  EXPECT_EQ((Origin{"https", "a", 443}).to_string(), "https://a");
  EXPECT_EQ((Origin{"https", "a", 80}).to_string(), "https://a:80");
  EXPECT_EQ((Origin{"http", "a", 80}).authority(), "a");
  EXPECT_EQ((Origin{"http", "::1", 8080}).authority(), "[::1]:8080");
  EXPECT_EQ((Origin{"https", "::1", 443}).to_string(), "https://[::1]");
  EXPECT_NE((Origin{"https", "a", 443}), (Origin{"http", "a", 443}));
}

TEST(Url, TakesASuffixBelowItsPath) {
  const std::string_view query = "service=git-upload-pack";
  EXPECT_EQ(url("https://a/b.git").with_suffix("info/refs", query).to_string(),
            "https://a/b.git/info/refs?service=git-upload-pack");
  EXPECT_EQ(url("https://a/b.git///").with_suffix("git-upload-pack").to_string(), "https://a/b.git/git-upload-pack");
  EXPECT_EQ(url("https://a").with_suffix("info/refs").to_string(), "https://a/info/refs");
  EXPECT_EQ(url("https://a/b?old=1").with_suffix("c").to_string(), "https://a/b/c");
}

TEST(Url, IsBelowAPrefixThatEndsAtASlash) {
  const auto docs = url("https://a/team/docs.git");
  for (const std::string_view prefix :
       {"https://a", "https://a/", "https://a/team", "https://a/team/", "https://a/team/docs.git",
        "https://a/team/docs.git/", "https://A:443/team", "https://a/team//"}) {
    EXPECT_TRUE(docs.is_below(url(prefix))) << prefix;
  }
  for (const std::string_view prefix :
       {"https://a/tea", "https://a/team/docs", "https://a/Team", "https://a/team/docs.git/x", "http://a/team",
        "https://a:8443/team", "https://b/team"}) {
    EXPECT_FALSE(docs.is_below(url(prefix))) << prefix;
  }
  EXPECT_FALSE(url("https://a/team%2Fdocs").is_below(url("https://a/team/")));
  EXPECT_FALSE(url("https://a/teams").is_below(url("https://a/team")));
}

TEST(LoopbackName, IsANameOrAddressOfThisMachine) {
  for (const std::string_view host :
       {"localhost", "LOCALHOST", "localhost.", "x.localhost", "a.b.localhost", "127.0.0.1", "127.255.255.254", "::1",
        "0:0::1", "::ffff:127.0.0.1", "::ffff:7f00:1"}) {
    EXPECT_TRUE(is_loopback_name(host)) << host;
  }
  for (const std::string_view host :
       {"", ".", "localhost.example", "xlocalhost", ".localhost", "notlocalhost", "128.0.0.1", "126.255.255.255",
        "127.1", "127.0.0.01", "::2", "::", "::ffff:128.0.0.1", "1::1", "::1:0:0:1", "2130706433", "10.0.0.1",
        "::127.0.0.1", "::fffe:127.0.0.1"}) {
    EXPECT_FALSE(is_loopback_name(host)) << host;
  }
  EXPECT_FALSE(is_loopback_name(std::string_view("127.0.0.1\0x", 11)));
  EXPECT_FALSE(is_loopback_name(std::string(5000, 'a')));
}

}  // namespace
}  // namespace adapter::http
