// SPDX-License-Identifier: Apache-2.0
#include "secret_oddity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/base/text.hpp"

namespace adapter::auth {
namespace {

using testing::HasSubstr;

TEST(SecretOddity, DescribesTheUsualMistakes) {
  EXPECT_EQ(describe_oddity(" s3cret"), "begins or ends with a blank");
  EXPECT_EQ(describe_oddity("s3cret\t"), "begins or ends with a blank");
  EXPECT_THAT(describe_oddity("\"s3cret\""), HasSubstr("in quotes"));
  EXPECT_THAT(describe_oddity("'s3cret'"), HasSubstr("in quotes"));
  EXPECT_THAT(describe_oddity("TOKEN=s3cret"), HasSubstr("NAME=value"));
  EXPECT_THAT(describe_oddity("bot:s3cret"), HasSubstr("looks like user:password"));
  EXPECT_THAT(describe_oddity(base64("bot:s3cret")), HasSubstr("base64 of user:password"));
  EXPECT_THAT(describe_oddity("Bearer s3cret"), HasSubstr("name of a scheme"));
  EXPECT_THAT(describe_oddity("https://bot:s3cret@h/"), HasSubstr("looks like a URL"));
}

TEST(SecretOddity, IsSilentAboutSecretsAsTheyAre) {
  for (const std::string_view secret : {"", "s3cret", "two words", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                                        "glpat-abcdefghij0123456789", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln",
                                        "c2VjcmV0LXNlY3JldA==", "a+b/c==", "1=2", ":x", "x:", "it's", "p\"w"}) {
    EXPECT_EQ(describe_oddity(secret), "") << secret;
  }
}

}  // namespace
}  // namespace adapter::auth
