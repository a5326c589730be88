// SPDX-License-Identifier: Apache-2.0
#include "pack_scan.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

using adapter::Error;
using adapter::ErrorClass;
using adapter::store::PackScan;
using namespace std::string_literals;

namespace {

std::string deflate(const std::string& bytes) {
  std::string result(compressBound(bytes.size()), '\0');
  uLongf size = result.size();
  compress(reinterpret_cast<Bytef*>(result.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  result.resize(size);
  return result;
}

std::string header(unsigned type, std::uint64_t size) {
  std::string bytes;
  auto byte = static_cast<unsigned>(type << 4U | (size & 0x0FU));
  size >>= 4U;
  while (size != 0) {
    bytes.push_back(static_cast<char>(byte | 0x80U));
    byte = static_cast<unsigned>(size & 0x7FU);
    size >>= 7U;
  }
  bytes.push_back(static_cast<char>(byte));
  return bytes;
}

std::string number(std::uint64_t value) {
  std::string bytes;
  do {
    const auto low = static_cast<unsigned>(value & 0x7FU);
    value >>= 7U;
    bytes.push_back(static_cast<char>(value != 0 ? low | 0x80U : low));
  } while (value != 0);
  return bytes;
}

std::string pack(char count, const std::string& entries) {
  return "PACK\0\0\0\2\0\0\0"s + count + entries + std::string(20, 't');
}

constexpr std::uint64_t unbounded = UINT64_MAX;

std::optional<Error> scan(const std::string& bytes, std::size_t step, PackScan& subject) {
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (auto error = subject.feed(std::string_view(bytes).substr(at, step))) {
      return error;
    }
  }
  return std::nullopt;
}

TEST(PackScan, ReadsThroughAPackInPiecesOfAnySize) {
  const std::string bytes = pack(3, header(3, 5) + deflate("hello") + header(7, 6) + std::string(20, 'b') +
                                        deflate("\5\5\220\5\1x") + header(6, 6) + "\x1c" + deflate("\5\5\220\5\1x"));
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    PackScan subject(100, unbounded);
    EXPECT_FALSE(scan(bytes, step, subject).has_value()) << step;
    EXPECT_EQ(subject.entries_left(), 0U);
    EXPECT_EQ(subject.consumed_bytes(), bytes.size());
    EXPECT_EQ(subject.named_bases().size(), 1U);
  }
}

TEST(PackScan, SizesAreRefusedBeforeTheyAreBelieved) {
  for (const unsigned type : {1U, 2U, 3U, 4U, 6U, 7U}) {
    PackScan subject(100, unbounded);
    const auto error = subject.feed(std::string_view(pack(1, header(type, 101))).substr(0, 14));
    ASSERT_TRUE(error.has_value()) << type;
    EXPECT_EQ(error->error_class(), ErrorClass::limit);
    EXPECT_NE(error->text().find("max_object_bytes"), std::string::npos);
  }
  PackScan result(100, unbounded);
  const std::string delta = number(5) + number(3'000'000'000) + "x";
  const auto error = scan(pack(1, header(7, delta.size()) + std::string(20, 'b') + deflate(delta)), 1, result);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->error_class(), ErrorClass::limit);
}

// A chain of `deltas` on "hello", each of the one before.
std::string chain(std::uint32_t deltas) {
  const std::string base = header(3, 5) + deflate("hello");
  const std::string delta = deflate("\5\5\220\5\1x");
  std::string bytes = pack(0, "").substr(0, 8);
  for (unsigned shift = 24; shift <= 24; shift -= 8) {
    bytes.push_back(static_cast<char>((deltas + 1) >> shift & 0xFFU));
  }
  bytes += base;
  std::size_t distance = base.size();
  for (std::uint32_t i = 0; i < deltas; ++i) {
    const std::string entry = header(6, 6) + static_cast<char>(distance) + delta;
    bytes += entry;
    distance = entry.size();
  }
  return bytes + std::string(20, 't');
}

TEST(PackScan, ChainsOfDeltasHaveALimit) {
  PackScan good(100, unbounded);
  EXPECT_FALSE(scan(chain(10'000), 1000, good).has_value());
  EXPECT_EQ(good.entries_left(), 0U);
  PackScan bad(100, unbounded);
  const auto error = scan(chain(10'001), 7, bad);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->error_class(), ErrorClass::limit);
  EXPECT_NE(error->text().find("10000 deltas"), std::string::npos) << error->text();
}

TEST(PackScan, CountsWhatResolvingUnfolds) {
  PackScan plain(100, unbounded);
  EXPECT_FALSE(scan(pack(1, header(3, 5) + deflate("hello")), 3, plain).has_value());
  EXPECT_EQ(plain.unfolded_bytes(), 0U);
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    PackScan subject(100, unbounded);
    EXPECT_FALSE(scan(chain(60), step, subject).has_value());
    // Results of five bytes on chains of 1, 2 … 50, and of 50 for the ten that follow.
    EXPECT_EQ(subject.unfolded_bytes(), 5U * (50 * 51 / 2 + 10 * 50));
    EXPECT_EQ(subject.large_unfolded_bytes(), 0U);
  }
  constexpr std::uint64_t large = 3'000'000;
  const std::string delta = number(large) + number(large) + "x";
  PackScan subject(large, unbounded);
  const std::string entry = header(7, delta.size()) + std::string(20, 'b') + deflate(delta);
  const std::string on_it = header(6, delta.size()) + static_cast<char>(entry.size()) + deflate(delta);
  EXPECT_FALSE(scan(pack(2, entry + on_it), 1, subject).has_value());
  // What a delta by id stands on is not known.
  EXPECT_EQ(subject.unfolded_bytes(), large + large);
  EXPECT_EQ(subject.large_unfolded_bytes(), large + large);
}

TEST(PackScan, WhatItInflatesToHasALimit) {
  const std::string zeros(1000, '\0');
  std::string entries;
  for (int i = 0; i < 100; ++i) {
    entries += header(3, zeros.size()) + deflate(zeros);
  }
  const std::string bytes = pack(100, entries);
  ASSERT_GT(100 * zeros.size() / bytes.size(), 32U);
  ASSERT_LT(100 * zeros.size() / bytes.size(), 64U);
  for (const std::size_t step : {std::size_t{7}, bytes.size()}) {
    PackScan good(1000, 1000);
    EXPECT_FALSE(scan(bytes, step, good).has_value());
  }
  const std::string more(10'000, '\0');
  entries.clear();
  for (int i = 0; i < 100; ++i) {
    entries += header(3, more.size()) + deflate(more);
  }
  PackScan bad(10'000, 100'000);
  const auto error = scan(pack(100, entries), 7, bad);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->error_class(), ErrorClass::limit);
  EXPECT_NE(error->text().find("inflates to more than"), std::string::npos) << error->text();
  EXPECT_GT(bad.entries_left(), 0U) << "it was refused at its end only";
  PackScan free(10'000, 100 * more.size());
  EXPECT_FALSE(scan(pack(100, entries), 7, free).has_value());
}

TEST(PackScan, ADistanceLeadsBackIntoThePack) {
  const std::string base = header(3, 5) + deflate("hello");
  for (const std::string& distance : {"\0"s, "\x7f"s, "\x85\x10"s, std::string(20, '\xff') + "\0"s,
                                      std::string(1, static_cast<char>(base.size() + 1))}) {
    PackScan subject(100, unbounded);
    const auto error = scan(pack(2, base + header(6, 6) + distance + deflate("\5\5\220\5\1x")), 3, subject);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->error_class(), ErrorClass::corrupt);
  }
}

TEST(PackScan, MalformedEntriesAreCorrupt) {
  for (const std::string& entry :
       {header(0, 5) + deflate("hello"), header(5, 5) + deflate("hello"), header(3, 4) + deflate("hello"),
        header(3, 6) + deflate("hello"), header(3, 5) + "no deflate here"s, std::string(12, '\xFF'),
        header(7, 12) + std::string(20, 'b') + deflate(std::string(12, '\xFF'))}) {
    PackScan subject(100, unbounded);
    const auto error = scan(pack(1, entry), 3, subject);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->error_class() == ErrorClass::corrupt || error->error_class() == ErrorClass::limit, true);
  }
  PackScan subject(100, unbounded);
  EXPECT_EQ(subject.feed("PUCK00000000")->error_class(), ErrorClass::corrupt);
}

}  // namespace
