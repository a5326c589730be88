// SPDX-License-Identifier: Apache-2.0
#include "sha1.hpp"

#include <gtest/gtest.h>

#include <string>

using adapter::store::Sha1;

namespace {

std::string digest(std::string_view bytes, std::size_t step) {
  Sha1 sha1;
  while (!bytes.empty()) {
    sha1.update(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return sha1.finish().to_hex();
}

TEST(Sha1, KnownAnswers) {
  EXPECT_EQ(digest("", 1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(digest("abc", 1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  const std::string million(1'000'000, 'a');
  for (const std::size_t step : {1'000'000U, 63U, 64U, 65U, 4096U}) {
    EXPECT_EQ(digest(million, step), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  }
}

}  // namespace
