// SPDX-License-Identifier: Apache-2.0
#include "../../../src/config/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../../src/config/reader/keys.hpp"

namespace adapter::config {
namespace {

using testing::HasSubstr;

TEST(Name, HasItsGrammar) {
  for (const char* good : {"a", "0", "docs", "a.b_c-d", "0123456789"}) {
    EXPECT_FALSE(check_name(good)) << good;
  }
  EXPECT_FALSE(check_name(std::string(63, 'a')));
  for (const char* bad : {"", "A", "-a", ".a", "_a", "a/b", "a b", "ä", "a\n"}) {
    EXPECT_TRUE(check_name(bad)) << bad;
  }
  EXPECT_TRUE(check_name(std::string(64, 'a')));
}

TEST(Name, IsMadeFromAnything) {
  EXPECT_EQ(make_name("Docs"), "docs");
  EXPECT_EQ(make_name(".github"), "github");
  EXPECT_EQ(make_name("My Docs!"), "my-docs-");
  EXPECT_EQ(make_name("..."), "repository");
  EXPECT_EQ(make_name(""), "repository");
  EXPECT_EQ(make_name(std::string(100, 'X')), std::string(63, 'x'));
  EXPECT_FALSE(check_name(make_name("größe/%20-")));
}

TEST(Ref, KeepsNamesAndLowersCommitIds) {
  EXPECT_EQ(*read_ref("0123456789ABCDEF0123456789ABCDEF01234567"), "0123456789abcdef0123456789abcdef01234567");
  for (const char* name :
       {"HEAD", "main", "feature/x", "refs/pull/1/head", "deadbeef", "v1.0", "a@b", "{x}", "größe"}) {
    const Result<std::string> ref = read_ref(name);
    ASSERT_TRUE(ref) << name;
    EXPECT_EQ(*ref, name);
  }
  EXPECT_FALSE(read_ref(std::string(64, 'a')));
  EXPECT_TRUE(read_ref(std::string(63, 'a')));
}

TEST(Link, StaysInDataDir) {
  for (const char* good : {"docs", "a/b/c", ".hidden", "a/.adapter", ".adapter2", "...", "a b", "größe"}) {
    EXPECT_FALSE(check_link(good)) << good;
  }
  for (const char* bad :
       {"/", "/a", "..", "a/..", "a/../b", ".", "a/.", "a//b", "a/", ".adapter", ".adapter/x", ".Adapter", "a\nb"}) {
    EXPECT_TRUE(check_link(bad)) << bad;
  }
}

TEST(Listen, SplitsHostAndPort) {
  const auto read = [](std::string_view text) {
    const Result<ListenAddress> address = read_listen(text);
    return address ? address->host + " " + std::to_string(address->port) : "";
  };
  EXPECT_EQ(read("127.0.0.1:8080"), "127.0.0.1 8080");
  EXPECT_EQ(read("[::1]:80"), "::1 80");
  EXPECT_EQ(read("LOCALHOST:0"), "localhost 0");
  EXPECT_EQ(read("0.0.0.0:65535"), "0.0.0.0 65535");
  for (const char* bad : {"", ":", ":80", "a", "a:", "a:x", "a:-1", "a:65536", "a:08", "::1:80", "[::1]", "a/b:80",
                          "a?b:80", "u@h:80", "h:1:2", "h :80", "[::1:80"}) {
    EXPECT_EQ(read(bad), "") << bad;
  }
}

TEST(Host, IsWhatAHostFieldMayHold) {
  EXPECT_EQ(*read_host("Example.org:8080"), "example.org:8080");
  EXPECT_EQ(*read_host("[::1]"), "[::1]");
  for (const char* bad : {"", "a/b", "https://a", "a b", "a:b", "u@h", "a?b", "a#b"}) {
    EXPECT_FALSE(read_host(bad)) << bad;
  }
}

TEST(RemoteUrl, HasNoQuery) {
  EXPECT_TRUE(read_url("https://h/x"));
  EXPECT_FALSE(read_url("https://h/x?"));
  EXPECT_FALSE(read_url("https://h/x?a=b"));
}

TEST(UnknownKey, IsExplainedByWhatWasMeant) {
  EXPECT_EQ(explain_unknown(Section::repository, "refs"), "unknown key; did you mean ref?");
  EXPECT_EQ(explain_unknown(Section::repository, "repo"), "unknown key; did you mean url?");
  EXPECT_EQ(explain_unknown(Section::repository, "listen"), "unknown key; it belongs in admin");
  EXPECT_THAT(explain_unknown(Section::included, "data_dir"), HasSubstr("belongs in the main file"));
  EXPECT_EQ(explain_unknown(Section::concurrency, "xyzzy"),
            "unknown key; known here: syncs, transfers, connections_per_host");
}

TEST(Keys, AreUniqueInEachSection) {
  for (const Section section : all_sections) {
    std::vector<std::string_view> names;
    for (const Key& key : keys_of(section)) {
      EXPECT_THAT(names, testing::Not(testing::Contains(key.name))) << name_of(section);
      names.push_back(key.name);
    }
    EXPECT_FALSE(names.empty());
  }
}

TEST(Ref, RefusesTheNamesThatACloneGivesWithTheCure) {
  const auto error = [](std::string_view text) {
    const Result<std::string> ref = read_ref(text);
    return ref ? "accepted as " + *ref : ref.error().text();
  };
  EXPECT_EQ(error("origin/main"),
            "\"origin/main\" is what a clone calls the remote's branch; write main, or refs/heads/origin/main for a "
            "branch that has this very name");
  EXPECT_THAT(error("remotes/origin/release/1"), testing::HasSubstr("; write release/1, or "));
  EXPECT_THAT(error("remotes/upstream/main"), testing::HasSubstr("; write main, or "));
  EXPECT_THAT(error("origin/HEAD"), testing::HasSubstr("; write HEAD, or "));
  EXPECT_THAT(error("remotes/origin"), testing::HasSubstr("; write HEAD, or "));
  for (const std::string_view good : {"origin", "origins/main", "refs/heads/origin/main", "refs/remotes/origin/main",
                                      "heads/main", "tags/v1", "pull/1/head", "feature/origin/main"}) {
    EXPECT_EQ(error(good), "accepted as " + std::string(good));
  }
}

}  // namespace
}  // namespace adapter::config
