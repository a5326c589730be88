// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "adapter/wire/protocol_v2.hpp"

namespace adapter::wire {
namespace {

// What `git check-ref-format` (2.39.5) answers to the same names, and HEAD.
TEST(RefName, IsJudgedAsGitJudgesIt) {
  for (const std::string_view name :
       {"HEAD", "refs/heads/main", "refs/tags/v1.0", "a/b", "refs/heads/@", "refs/heads/a@b", "refs/heads/-x",
        "refs/heads/\xc3\xbc", "refs/heads/\xff", "refs/heads/a.b", "refs/heads/a.lockx",
        "refs/heads/!\"#$%&'()+,;<=>]", "refs/heads/{", "@/a", "refs/heads/lock", "refs/pull/1/head", "refs/heads/a{b}",
        "-/b"}) {
    EXPECT_TRUE(is_valid_ref_name(name)) << name;
  }
  for (const std::string_view name : {"",
                                      "main",
                                      "@",
                                      "head",
                                      "refs",
                                      "/",
                                      "//",
                                      "/refs/heads/a",
                                      "refs/heads/",
                                      "refs//heads/a",
                                      "refs/heads/.a",
                                      "refs/.heads/a",
                                      "refs/heads/a.lock",
                                      "refs/heads.lock/a",
                                      "refs/heads/a..b",
                                      "refs/heads/a.",
                                      "refs/heads/a b",
                                      "refs/heads/a~1",
                                      "refs/heads/a^",
                                      "refs/heads/a:b",
                                      "refs/heads/a?",
                                      "refs/heads/*",
                                      "refs/heads/a[b",
                                      "refs/heads/a\\b",
                                      "refs/heads/a@{1}",
                                      "refs/heads/a\x01",
                                      "refs/heads/a\x7f",
                                      "refs/heads/a\n",
                                      "refs/heads/..",
                                      "../refs/heads/a",
                                      "refs/../a",
                                      "refs/heads/a\t",
                                      "./a"}) {
    EXPECT_FALSE(is_valid_ref_name(name)) << name;
  }
  EXPECT_FALSE(is_valid_ref_name(std::string_view("refs/heads/a\0b", 14)));
}

}  // namespace
}  // namespace adapter::wire
