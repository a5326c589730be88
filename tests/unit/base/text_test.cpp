// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace adapter {
namespace {

TEST(Escape, LeavesPlainTextAndUtf8Alone) {
  EXPECT_EQ(escape("grün → 日本"), "grün → 日本");
}

TEST(Escape, ShowsControlCharactersBadBytesAndInvisibleOnes) {
  EXPECT_EQ(escape("a\nb\x1b[31m"), "a\\x0Ab\\x1B[31m");
  EXPECT_EQ(escape("\xff\xc0\xaf"), "\\xFF\\xC0\\xAF");
  EXPECT_EQ(escape("a\u202Eb\u200D"), "a\\u{202E}b\\u{200D}");
  EXPECT_EQ(escape("back\\slash"), "back\\\\slash");
}

TEST(Escape, CutsAtTheLimitWithoutSplittingACharacter) {
  EXPECT_EQ(escape("äöü", 4), "äö…");
  EXPECT_EQ(escape("abc", 3), "abc");
}

TEST(IsValidUtf8, RefusesOverlongFormsSurrogatesAndTruncation) {
  EXPECT_TRUE(is_valid_utf8("\xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("\xC0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xE2\x82"));
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));
}

TEST(Nearest, FindsATypoAndNothingFarAway) {
  constexpr std::array<std::string_view, 3> keys{"url", "every", "timezone"};
  EXPECT_EQ(nearest("evry", keys), "every");
  EXPECT_EQ(nearest("timezon", keys), "timezone");
  EXPECT_EQ(nearest("eveyr", keys), "every");
  EXPECT_EQ(nearest("ulr", keys), "url") << "two neighbours that changed places are one edit";
  EXPECT_EQ(nearest("password", keys), "");
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, IsReadOnlyInItsOneForm) {
  EXPECT_EQ(from_base64(""), "");
  EXPECT_EQ(from_base64("Zg=="), "f");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_EQ(from_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(from_base64("AP/+"), std::string_view("\0\xff\xfe", 3));
  for (const std::string_view bad :
       {"Zg", "Zg=", "Zg===", "Zh==", "Z", "=", "====", "Zm9v=", "Zm 9v", "Zm9v\n", "Zm9-", "Zg==Zg==", "Zg=x"}) {
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
  }
}

TEST(Hex, IsWrittenInLowerCase) {
  EXPECT_EQ(to_hex(""), "");
  EXPECT_EQ(to_hex(std::string_view("\0\xff\xa5", 3)), "00ffa5");
}

TEST(Hex, IsReadInEitherCase) {
  EXPECT_EQ(from_hex(""), "");
  EXPECT_EQ(from_hex("00fFA5"), std::string_view("\0\xff\xa5", 3));
  for (const std::string_view bad : {"0", "0g", "g0", "0x00", " 00", "00 "}) {
    EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
  }
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ',').size(), 3U);
  EXPECT_EQ(split("", ',').size(), 1U);
}

TEST(Trim, RemovesBlanksAtBothEnds) {
  EXPECT_EQ(trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

}  // namespace
}  // namespace adapter
