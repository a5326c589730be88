// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace adapter::publish {
namespace {

Facts facts(std::uint64_t seed) {
  return Facts{.mode = static_cast<std::uint32_t>(0100644 + seed),
               .size_bytes = seed << 33U,
               .mtime_ns = -static_cast<std::int64_t>(seed),
               .ctime_ns = 1'700'000'000'123'456'789 + static_cast<std::int64_t>(seed),
               .inode = ~seed};
}

Manifest sample() {
  Manifest manifest;
  manifest.symlinks = SymlinkPolicy::keep;
  manifest.share = Share::group;
  manifest.files = 3;
  manifest.bytes = 1ULL << 40U;
  manifest.left_out_link_count = 2;
  manifest.left_out_links = {"a/out", "z"};
  manifest.folders = {{0, ""}, {0, "a"}, {1, std::string(255, 'n')}};
  manifest.folder_facts = {facts(1), facts(2), facts(3)};
  manifest.entries = {{0, "file", facts(4), ""}, {1, "link", facts(5), "../file"}, {2, "\xff\x01", facts(6), ""}};
  return manifest;
}

/// The same FNV-1a as the format's, written once more: to give a changed body a right checksum.
std::string with_checksum(std::string body) {
  std::uint64_t sum = 14695981039346656037ULL;
  for (const char byte : body) {
    sum ^= static_cast<unsigned char>(byte);
    sum *= 1099511628211ULL;
  }
  for (int i = 0; i < 8; ++i) {
    body += static_cast<char>(sum >> (8 * i) & 0xFFU);
  }
  return body;
}

TEST(ManifestFormat, ComesBackAsItWas) {
  const Manifest manifest = sample();
  const std::optional<Manifest> back = decode(encode(manifest));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->symlinks, manifest.symlinks);
  EXPECT_EQ(back->share, manifest.share);
  EXPECT_EQ(back->files, manifest.files);
  EXPECT_EQ(back->bytes, manifest.bytes);
  EXPECT_EQ(back->left_out_link_count, manifest.left_out_link_count);
  EXPECT_EQ(back->left_out_links, manifest.left_out_links);
  ASSERT_EQ(back->folders.size(), 3U);
  EXPECT_EQ(back->folders[2].parent, 1U);
  EXPECT_EQ(back->folders[2].name, manifest.folders[2].name);
  EXPECT_EQ(back->folder_facts, manifest.folder_facts);
  ASSERT_EQ(back->entries.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back->entries[i].folder, manifest.entries[i].folder);
    EXPECT_EQ(back->entries[i].name, manifest.entries[i].name);
    EXPECT_EQ(back->entries[i].facts, manifest.entries[i].facts);
    EXPECT_EQ(back->entries[i].target, manifest.entries[i].target);
  }
}

TEST(ManifestFormat, RefusesEachTruncationAndEachFlippedBit) {
  const std::string bytes = encode(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << size;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode(changed)) << bit;
  }
  EXPECT_FALSE(decode(bytes + "x"));
}

TEST(ManifestFormat, RefusesWhatIsWrongUnderARightChecksum) {
  const auto refused = [](auto&& change) {
    Manifest manifest = sample();
    change(manifest);
    return !decode(encode(manifest));
  };
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[1].parent = 1; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[1].name = ".."; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[0].name = "x"; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders.clear(), m.folder_facts.clear(), m.entries.clear(); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[0].name = "a/b"; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[0].name = ""; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[2].folder = 3; }));
  EXPECT_TRUE(refused([](Manifest& m) { std::swap(m.entries[0], m.entries[1]); }));
  EXPECT_FALSE(refused([](Manifest&) {}));
}

TEST(ManifestFormat, RefusesCountsThatAskForMoreThanThereIs) {
  const std::string bytes = encode(sample());
  const std::string body = bytes.substr(0, bytes.size() - 8);
  ASSERT_EQ(with_checksum(body), bytes);
  for (std::size_t at = 19; at + 8 <= body.size(); ++at) {
    std::string huge = body;
    std::memset(huge.data() + at, 0x7F, 8);
    static_cast<void>(decode(with_checksum(huge)));  // no crash, no memory
  }
  std::string folders = body;
  // magic, two enums, three counts, two listed paths with their count
  std::memset(folders.data() + 19 + 2 + 24 + 8 + 4 + 5 + 4 + 1, 0x7F, 8);
  EXPECT_FALSE(decode(with_checksum(folders)));
}

TEST(ManifestFormat, RootsAreComparedWithoutTheTimeThatARenameChanges) {
  struct stat info{};
  info.st_mode = S_IFDIR | 0755;
  info.st_size = 4096;
  info.st_ctim.tv_sec = 7;
  info.st_mtim.tv_nsec = 9;
  EXPECT_EQ(root_facts_of(info).ctime_ns, 0);
  EXPECT_EQ(facts_of(info).ctime_ns, 7'000'000'000);
  EXPECT_EQ(facts_of(info).mtime_ns, 9);
  EXPECT_EQ(facts_of(info).size_bytes, 0U);
}

}  // namespace
}  // namespace adapter::publish
