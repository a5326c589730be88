// SPDX-License-Identifier: Apache-2.0
#include "hooks/form_payload.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace adapter::admin {
namespace {

std::optional<std::string> decoded(std::string_view body, std::size_t piece) {
  FormPayload form;
  std::string text;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    text += form.update(body.substr(at, piece));
  }
  return form.well_formed() ? std::optional(text) : std::nullopt;
}

TEST(FormPayload, IsDecodedHoweverItIsDivided) {
  for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
    EXPECT_EQ(decoded("payload=%7B%22a%22%3a+%22%2b%22%7d=", piece), R"({"a": "+"}=)");
    EXPECT_EQ(decoded("payload=", piece), "");
    for (const std::string_view bad :
         {"", "payload", "payloads=", "Payload=", "{\"payload=\"}", "payload=a&b=c", "payload=%", "payload=%4",
          "payload=%4g", "payload=%g4", "payload=%%41", "x=1&payload=a"}) {
      EXPECT_EQ(decoded(bad, piece), std::nullopt) << bad;
    }
  }
}

TEST(FormPayload, KnowsWhenItIsNone) {
  FormPayload form;
  EXPECT_FALSE(form.hopeless());
  EXPECT_EQ(form.update("{"), "");
  EXPECT_TRUE(form.hopeless());
  EXPECT_EQ(form.update("payload=a"), "");
  EXPECT_FALSE(form.well_formed());
}

}  // namespace
}  // namespace adapter::admin
