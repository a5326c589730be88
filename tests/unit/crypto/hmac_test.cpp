// SPDX-License-Identifier: Apache-2.0
#include "adapter/crypto/hmac.hpp"

#include <gtest/gtest.h>

#include <string>

#include "adapter/base/text.hpp"

namespace adapter::crypto {
namespace {

std::string hex(const HmacSha256::Digest& digest) {
  return to_hex(bytes_of(digest));
}

std::string mac(const std::string& key, std::string_view bytes, std::size_t piece) {
  HmacSha256 hmac{Secret(std::string_view(key))};
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    hmac.update(bytes.substr(at, piece));
  }
  return hex(hmac.finish());
}

// RFC 4231 §4, cases 1, 2, 3 and 6.
TEST(HmacSha256, MatchesTheVectorsOfRfc4231) {
  const std::string long_key(131, '\xaa');
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    EXPECT_EQ(mac(std::string(20, '\x0b'), "Hi There", piece),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(mac("Jefe", "what do ya want for nothing?", piece),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(mac(std::string(20, '\xaa'), std::string(50, '\xdd'), piece),
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    EXPECT_EQ(mac(long_key, "Test Using Larger Than Block-Size Key - Hash Key First", piece),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  }
}

TEST(HmacSha256, OfNothingIsDefined) {
  EXPECT_EQ(mac("key", "", 1), "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0");
}

TEST(HmacSha256, MovesWithWhatItWasGiven) {
  HmacSha256 first{Secret(std::string_view("Jefe"))};
  first.update("what do ya ");
  HmacSha256 second(std::move(first));
  second.update("want for nothing?");
  EXPECT_EQ(hex(second.finish()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace adapter::crypto
