// SPDX-License-Identifier: Apache-2.0
// Digests against digest_vectors.txt, which make_vectors.py writes with Python's hashlib and hmac.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "adapter/base/text.hpp"
#include "adapter/crypto/digest.hpp"
#include "adapter/crypto/hmac.hpp"

namespace adapter::crypto {
namespace {

/// The same formula as in make_vectors.py.
std::string pattern(std::size_t size_bytes, std::size_t factor) {
  std::string bytes;
  for (std::size_t at = 0; at < size_bytes; ++at) {
    bytes.push_back(static_cast<char>((factor * at + at / 251) % 256));
  }
  return bytes;
}

template <class Algorithm>
std::string digest_in_pieces(Algorithm algorithm, std::string_view bytes, std::size_t piece) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    algorithm.update(bytes.substr(0, piece));
  }
  const auto digest = algorithm.finish();
  return to_hex(bytes_of(digest));
}

TEST(DigestVectors, AreWhatAnotherImplementationComputes) {
  std::ifstream file(DIGEST_VECTORS);
  std::size_t size_bytes = 0;
  std::size_t key_bytes = 0;
  std::string sha1;
  std::string sha256;
  std::string hmac;
  std::size_t count = 0;
  while (file >> size_bytes >> key_bytes >> sha1 >> sha256 >> hmac) {
    const std::string bytes = pattern(size_bytes, 31);
    const Secret key(pattern(key_bytes, 17));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{100'000}}) {
      EXPECT_EQ(digest_in_pieces(Sha1(), bytes, piece), sha1) << size_bytes << " bytes by " << piece;
      EXPECT_EQ(digest_in_pieces(Sha256(), bytes, piece), sha256) << size_bytes << " bytes by " << piece;
      EXPECT_EQ(digest_in_pieces(HmacSha256(key), bytes, piece), hmac) << size_bytes << " bytes by " << piece;
    }
    ++count;
  }
  EXPECT_TRUE(file.eof());
  EXPECT_EQ(count, 160U);
}

}  // namespace
}  // namespace adapter::crypto
