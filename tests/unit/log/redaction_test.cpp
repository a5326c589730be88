// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::log {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// `secret` as one of the retired ones.
void hide(std::string_view secret) {
  const Redaction hidden{Secret(secret)};
}

TEST(Redaction, LeavesOtherTextAlone) {
  hide("canary-plain-1");
  EXPECT_EQ(redacted("nothing to hide: canary-plain-2"), "nothing to hide: canary-plain-2");
  EXPECT_EQ(redacted(""), "");
  EXPECT_EQ(redacted("ca"), "ca");
}

TEST(Redaction, HidesEveryOccurrence) {
  hide("canary-twice");
  EXPECT_EQ(redacted("canary-twicecanary-twice and canary-twice."), "****** and ***.");
}

TEST(Redaction, IgnoresSecretsTooShortToBeOne) {
  hide("abc");
  hide("");
  EXPECT_EQ(redacted("abcd abc"), "abcd abc");
}

TEST(Redaction, HidesSecretsThatOverlap) {
  hide("overlap-AAAA-BBBB");
  hide("BBBB-CCCC-overlap");
  EXPECT_EQ(redacted("x overlap-AAAA-BBBB-CCCC-overlap y"), "x *** y");
  hide("inner-part");
  hide("outer-inner-part-outer");
  EXPECT_EQ(redacted("x outer-inner-part-outer y"), "x *** y");
}

TEST(Redaction, HidesBase64AtEachOffset) {
  const std::string secret = "canary-base64-s3cr3t";
  hide(secret);
  for (const std::string user : {"", "u", "us", "use", "user:", "user-name:"}) {
    for (const std::string tail : {"", "\n", "xy"}) {
      const std::string encoded = base64(user + secret + tail);
      EXPECT_EQ(redacted("Authorization: Basic " + encoded + ", x"), "Authorization: Basic ***, x") << user;
    }
  }
}

TEST(Redaction, HidesTheUrlAlphabetOfBase64Too) {
  const std::string secret = "\xff\xfe?>?>~~canary";
  hide(secret);
  for (const std::string user : {"", "u", "us"}) {
    std::string encoded = base64(user + secret);
    std::replace(encoded.begin(), encoded.end(), '+', '-');
    std::replace(encoded.begin(), encoded.end(), '/', '_');
    EXPECT_EQ(redacted("token: " + encoded), "token: ***");
  }
}

TEST(Redaction, HidesPercentEncodingInAnyMixture) {
  hide("p@ss/w:rd+ü");
  for (const std::string_view text : {"p%40ss%2Fw%3Ard%2B%C3%BC", "p%40ss%2fw%3ard%2b%c3%bc", "p@ss%2Fw:rd+ü",
                                      "%70%40%73%73%2F%77%3A%72%64%2B%C3%BC"}) {
    EXPECT_EQ(redacted("https://u:" + std::string(text) + "@host/100%"), "https://u:***@host/100%");
  }
  EXPECT_EQ(redacted("100%41 %zz %"), "100%41 %zz %");
}

TEST(Redaction, HidesASecretThatEscapingChanges) {
  const std::string secret = "tab\there \\ \"quoted\" \x01 end";
  hide(secret);
  EXPECT_EQ(redacted("a " + secret + " b"), "a *** b");
  EXPECT_EQ(redacted("a " + escape(secret) + " b"), "a *** b");
  const std::string json = nlohmann::json(secret).dump();
  EXPECT_EQ(redacted("a " + json + " b"), "a \"***\" b");
  for (const Format format : {Format::text, Format::json}) {
    for (const std::string& text : {secret, escape(secret)}) {
      const std::string line = format_line(format, Level::error, "t", "e", text, {{"a", text}});
      EXPECT_THAT(line, Not(HasSubstr("quoted")));
      EXPECT_THAT(line, Not(HasSubstr("here")));
    }
  }
}

TEST(Redaction, LeaksNoPartOfASecretAtTheCut) {
  const std::string secret = "canary-at-the-cut-0123456789";
  hide(secret);
  for (std::size_t before = 2048 - secret.size() - 2; before < 2052; ++before) {
    const std::string text = std::string(before, '.') + secret + std::string(100, '.');
    EXPECT_THAT(format_line(Format::json, Level::info, "t", "e", text, {{"a", text}}), Not(HasSubstr("canar")))
        << before;
  }
  // Cut by whoever built the sentence, before it came here.
  for (std::size_t limit = 10; limit < 40; ++limit) {
    const std::string cut = escape("token " + secret, limit);
    EXPECT_THAT(redacted(cut), Not(HasSubstr("cana"))) << cut;
  }
}

TEST(Redaction, KeepsTheLastThousandRetiredSecrets) {
  hide("canary-oldest");
  hide("canary-used-again");
  for (int i = 0; i < 1000; ++i) {
    hide("rotated-secret-" + std::to_string(100'000 + i));
  }
  hide("canary-used-again");
  for (int i = 1000; i < 1500; ++i) {
    hide("rotated-secret-" + std::to_string(100'000 + i));
  }
  EXPECT_EQ(redacted("canary-oldest"), "canary-oldest");
  EXPECT_EQ(redacted("canary-used-again"), "***");
  EXPECT_EQ(redacted("rotated-secret-101499"), "***");
  EXPECT_EQ(redacted("rotated-secret-100476"), "rotated-secret-100476");
  EXPECT_EQ(redacted("rotated-secret-100477"), "***");
}

TEST(Redaction, KeepsASecretForAsLongAsItHasAnOwner) {
  std::vector<Redaction> owners(2, Redaction(Secret(std::string_view("canary-with-two-owners"))));
  const Redaction same{Secret(std::string_view("canary-with-two-owners"))};
  auto retire_many = [round = 0]() mutable {
    ++round;
    for (int i = 0; i < 1100; ++i) {
      hide("round-" + std::to_string(round) + "-" + std::to_string(100'000 + i));
    }
  };
  retire_many();
  owners.pop_back();
  retire_many();
  owners.clear();
  retire_many();
  EXPECT_EQ(redacted("canary-with-two-owners"), "***");
}

TEST(Redaction, KeepsTheSpellingOfASecretThatAnotherHas) {
  // The base64 of one is the other.
  const Redaction owned{Secret(std::string_view(base64("shared-spelling")))};
  hide("shared-spelling");
  for (int i = 0; i < 1100; ++i) {
    hide("unrelated-" + std::to_string(100'000 + i));
  }
  EXPECT_EQ(redacted("shared-spelling"), "shared-spelling");
  EXPECT_EQ(redacted("x " + base64("shared-spelling") + " y"), "x *** y");
}

TEST(Redaction, ForgetsARetiredSecretOnlyAfterItsOwnerEnded) {
  auto owner = std::make_unique<Redaction>(Secret(std::string_view("canary-that-retires")));
  for (int i = 0; i < 1100; ++i) {
    hide("before-" + std::to_string(100'000 + i));
  }
  owner.reset();
  EXPECT_EQ(redacted("canary-that-retires"), "***");
  for (int i = 0; i < 1100; ++i) {
    hide("after-" + std::to_string(100'000 + i));
  }
  EXPECT_EQ(redacted("canary-that-retires"), "canary-that-retires");
}

TEST(Redaction, FindsTheRightOnesOfManySecretsThatBeginAlike) {
  std::vector<Redaction> owners;
  for (int i = 0; i < 5000; ++i) {
    owners.emplace_back(Secret(std::string_view("ghp_token-" + std::to_string(100'000 + 2 * i))));
  }
  EXPECT_EQ(redacted("ghp_token-100000 ghp_token-109998"), "*** ***");
  EXPECT_EQ(redacted("ghp_token-104711 ghp_token-104713"), "ghp_token-104711 ghp_token-104713");
  owners.emplace_back(Secret(std::string_view("ghp_token-104712-longer")));
  EXPECT_EQ(redacted("ghp_token-104712 ghp_token-104712-longer."), "*** ***.");
}

}  // namespace
}  // namespace adapter::log
