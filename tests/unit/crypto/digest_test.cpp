// SPDX-License-Identifier: Apache-2.0
#include "adapter/crypto/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::crypto {
namespace {

const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

template <class Algorithm>
std::string digest_of(std::string_view bytes, std::size_t piece) {
  Algorithm hash;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    hash.update(bytes.substr(at, piece));
  }
  const auto digest = hash.finish();
  return to_hex(bytes_of(digest));
}

// FIPS 180-2, appendices A and B; the empty message is from NIST's CAVP "byte vectors".
TEST(Sha1, MatchesTheVectorsOfFips180) {
  EXPECT_EQ(digest_of<Sha1>("", 1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(digest_of<Sha1>("abc", 1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest_of<Sha1>(two_blocks, 7), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  const std::string million(1'000'000, 'a');
  for (const std::size_t piece : {1'000'000U, 63U, 64U, 65U, 4096U}) {
    EXPECT_EQ(digest_of<Sha1>(million, piece), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  }
}

TEST(Sha256, MatchesTheVectorsOfFips180) {
  EXPECT_EQ(digest_of<Sha256>("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of<Sha256>("abc", 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of<Sha256>(two_blocks, 7), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1'000'000, 'a');
  for (const std::size_t piece : {1'000'000U, 63U, 64U, 65U, 4096U}) {
    EXPECT_EQ(digest_of<Sha256>(million, piece), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST(Hash, MovesWithTheBytesGivenBefore) {
  Sha1 first;
  first.update("ab");
  Sha1 second(std::move(first));
  second.update("c");
  const auto digest = second.finish();
  EXPECT_EQ(to_hex(bytes_of(digest)), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

}  // namespace
}  // namespace adapter::crypto
