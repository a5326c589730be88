// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <gtest/gtest.h>

#include <string>

using adapter::NamePolicy;
using adapter::store::is_valid_ref_name;
using adapter::store::name_fault;
using namespace std::string_literals;

namespace {

bool portable(std::string_view name, bool symlink = false) {
  return name_fault(name, NamePolicy::portable, symlink).empty();
}
bool git(std::string_view name, bool symlink = false) {
  return name_fault(name, NamePolicy::git, symlink).empty();
}

TEST(NameFault, OrdinaryNamesPassUnderBothPolicies) {
  for (const std::string_view name : {"a",           "README.md", ".gitignore",   ".gitattributes",
                                      ".gitmodules", ".github",   "git",          "git~",
                                      "git~2",       ".gitx",     "...",          ".a",
                                      "a b",         "ünïcode",   "Foo::Bar.3pm", "con",
                                      "a.",          "\xFF\xFE",  "-rf",          "*"}) {
    EXPECT_TRUE(portable(name)) << name;
    EXPECT_TRUE(git(name)) << name;
  }
}

TEST(NameFault, WhatGitRefusesIsRefusedUnderBothPolicies) {
  for (const std::string_view name : {"",
                                      ".",
                                      "..",
                                      "a/b",
                                      "/",
                                      ".git",
                                      ".GIT",
                                      ".Git",
                                      "git~1",
                                      "GIT~1",
                                      ".git.",
                                      ".git ",
                                      ".git . .",
                                      "git~1 ",
                                      ".git::$INDEX_ALLOCATION",
                                      ".git:x",
                                      ".GIT...:stream",
                                      "git~1:x",
                                      ".git\\hooks",
                                      "a\\.git",
                                      "a\\b\\GIT~1.",
                                      ".git . :a\\b"}) {
    EXPECT_FALSE(portable(name)) << name;
    EXPECT_FALSE(git(name)) << name;
  }
}

TEST(NameFault, WhatOnlyOtherSystemsMisreadIsRefusedWhenPortable) {
  for (const std::string& name :
       {"a\\b"s, "\\"s, "a\nb"s, "\x01"s, "a\x7F"s, "tab\there"s, "a\0b"s, ".g\u200Cit"s, "\u200D.git"s, ".git\u200E"s,
        ".GI\u202AT"s, "\uFEFF.git"s, ".\u206Agit"s, ".g\u200F\u202E\u206Fit"s}) {
    EXPECT_FALSE(portable(name)) << name;
    EXPECT_TRUE(git(name)) << name;
  }
  EXPECT_TRUE(portable(".g\u2010it"));
  EXPECT_TRUE(portable("\u200C.github"));
}

TEST(NameFault, GitModulesMayBeAFileButNoLink) {
  EXPECT_TRUE(portable(".gitmodules", false));
  for (const std::string_view name :
       {".gitmodules", ".GITMODULES", ".gitmodules ", "gitmod~1", "GITMOD~4", "gi7eba~1", ".gitmodules:stream"}) {
    EXPECT_FALSE(portable(name, true)) << name;
    EXPECT_FALSE(git(name, true)) << name;
  }
  EXPECT_FALSE(portable(".git\u200Cmodules", true));
  EXPECT_TRUE(git(".git\u200Cmodules", true));
  EXPECT_TRUE(portable(".gitmodulesx", true));
}

TEST(RefName, FollowsCheckRefFormat) {
  for (const std::string_view name :
       {"refs/heads/main", "refs/tags/v1.0", "refs/heads/a-b/c_d", "refs/heads/ü", "a/b"}) {
    EXPECT_TRUE(is_valid_ref_name(name)) << name;
  }
  for (const std::string& name : {""s,
                                  "main"s,
                                  "refs/heads/"s,
                                  "/a/b"s,
                                  "a//b"s,
                                  "refs/heads/.a"s,
                                  "refs/heads/a.lock"s,
                                  "refs/heads/a..b"s,
                                  "refs/heads/a b"s,
                                  "refs/heads/a\n"s,
                                  "refs/heads/a~1"s,
                                  "refs/heads/a^"s,
                                  "refs/heads/a:b"s,
                                  "refs/heads/a?"s,
                                  "refs/heads/a*"s,
                                  "refs/heads/[a"s,
                                  "refs/heads/a\\b"s,
                                  "refs/heads/@{u}"s,
                                  "refs/heads/a."s,
                                  "refs/heads/a\x7F"s,
                                  "refs/heads/" + std::string(1100, 'a')}) {
    EXPECT_FALSE(is_valid_ref_name(name)) << name;
  }
}

}  // namespace
