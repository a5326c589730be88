// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "recorded.hpp"

namespace adapter::wire {
namespace {

TEST(ServerError, HasAClassOnlyWhereTheServerSaysIt) {
  EXPECT_EQ(server_error("upload-pack: not our ref 1234").error_class(), ErrorClass::not_found);
  EXPECT_NE(
      server_error("upload-pack: not our ref 1234").text().find("the server has no such commit, or does not give"),
      std::string::npos);
  EXPECT_EQ(server_error("Repository not found.").error_class(), ErrorClass::not_found);
  EXPECT_EQ(server_error("The requested repository does not exist, or you do not have permission").error_class(),
            ErrorClass::not_found);
  EXPECT_EQ(server_error("access denied").error_class(), ErrorClass::protocol);
  EXPECT_EQ(server_error("internal error").error_class(), ErrorClass::protocol);
  EXPECT_EQ(server_error("").error_class(), ErrorClass::protocol);
}

TEST(ServerError, EscapesAndCutsTheWords) {
  EXPECT_EQ(server_error(" no\r\n").text(), "the server says: no");
  EXPECT_EQ(server_error("a\x1b[1mb\xff").text(), "the server says: a\\x1B[1mb\\xFF");
  EXPECT_LT(server_error(std::string(100'000, '\x01')).text().size(), max_sideband_line_bytes + 100);
}

}  // namespace
}  // namespace adapter::wire
