// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

namespace adapter::publish {
namespace {

Facts facts(std::uint64_t seed) {
  return Facts{.mode = static_cast<std::uint32_t>(0100644 + seed),
               .size_bytes = seed << 33U,
               .mtime_ns = -static_cast<std::int64_t>(seed),
               .ctime_ns = 1'700'000'000'123'456'789 + static_cast<std::int64_t>(seed)};
}

ObjectId id(std::uint8_t seed) {
  std::array<std::uint8_t, ObjectId::size_bytes> bytes{};
  bytes.fill(seed);
  return ObjectId(bytes);
}

std::string encoded(const Manifest& manifest) {
  std::string bytes;
  encode(manifest, [&bytes](std::string_view part) { bytes += part; });
  return bytes;
}

/// Read in pieces of `piece_bytes`.
std::optional<Manifest> decoded(std::string_view bytes, std::size_t piece_bytes = 7) {
  std::string_view rest = bytes;
  const ByteSource source = [&](char* to, std::size_t size) {
    const std::string_view piece = rest.substr(0, std::min(size, piece_bytes));
    std::memcpy(to, piece.data(), piece.size());
    rest.remove_prefix(piece.size());
    return piece.size();
  };
  return decode(source, bytes.size());
}

Manifest sample() {
  Manifest manifest;
  manifest.symlinks = SymlinkPolicy::keep;
  manifest.share = Share::group;
  manifest.files = 3;
  manifest.bytes = 1ULL << 40U;
  manifest.left_out_link_count = 2;
  manifest.left_out_links = {"a/out", "z"};
  manifest.folders = {{0, ""}, {0, "a"}, {1, manifest.strings.add(std::string(255, 'n'))}};
  manifest.folder_facts = {facts(1), facts(2), facts(3)};
  const std::string_view target = manifest.strings.add("../file");
  manifest.entries = {{0, id(7), "file", "", facts(4)},
                      {1, id(8), "link", target, facts(5)},
                      {1, id(8), "same", target, facts(6)},
                      {2, id(9), "\xff\x01", "", facts(7)}};
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
  const std::optional<Manifest> back = decoded(encoded(manifest));
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
  ASSERT_EQ(back->entries.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(back->entries[i].id, manifest.entries[i].id);
    EXPECT_EQ(back->entries[i].folder, manifest.entries[i].folder);
    EXPECT_EQ(back->entries[i].name, manifest.entries[i].name);
    EXPECT_EQ(back->entries[i].facts, manifest.entries[i].facts);
    EXPECT_EQ(back->entries[i].target, manifest.entries[i].target);
  }
}

TEST(ManifestFormat, HoldsEachTargetOnce) {
  const auto size_with = [](std::size_t links) {
    Manifest manifest = sample();
    const std::string_view target = manifest.strings.add(std::string(4000, 't'));
    for (std::size_t i = 0; i < links; ++i) {
      manifest.entries.push_back({2, id(1), manifest.strings.add(std::to_string(10 + i)), target, facts(1)});
    }
    const std::string bytes = encoded(manifest);
    const std::optional<Manifest> back = decoded(bytes, 5000);
    EXPECT_TRUE(back && back->entries.back().target == target);
    EXPECT_EQ(back->entries.back().target.data(), back->entries[back->entries.size() - 2].target.data());
    return bytes.size();
  };
  EXPECT_LT(size_with(60) - size_with(10), 50U * 100U);
}

/// Version 1: an inode with the facts, the target with each link, no object ids.
class OldRecord {
public:
  OldRecord& number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      body_ += static_cast<char>((value >> (8 * i)) & 0xFFU);
    }
    return *this;
  }
  OldRecord& text(std::string_view text) {
    number(text.size(), 4);
    body_ += text;
    return *this;
  }
  OldRecord& facts(const Facts& facts) {
    number(facts.mode, 4).number(facts.size_bytes, 8);
    return number(static_cast<std::uint64_t>(facts.mtime_ns), 8)
        .number(static_cast<std::uint64_t>(facts.ctime_ns), 8)
        .number(4711, 8);
  }
  [[nodiscard]] std::string bytes() const { return with_checksum("adapter manifest 1\n" + body_); }

private:
  std::string body_;
};

TEST(ManifestFormat, ReadsVersionOne) {
  OldRecord old;
  old.number(1, 1).number(0, 1).number(2, 8).number(9, 8).number(1, 8).number(1, 8).text("left/out");
  old.number(2, 8).number(0, 4).text("").facts(facts(1)).number(0, 4).text("a").facts(facts(2));
  old.number(3, 8).number(0, 4).text("file").facts(facts(3)).text("");
  for (const char* const name : {"l1", "l2"}) {
    old.number(1, 4).text(name).facts(facts(4)).text("../file");
  }
  const std::optional<Manifest> manifest = decoded(old.bytes());
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->symlinks, SymlinkPolicy::keep);
  EXPECT_EQ(manifest->left_out_links, std::vector<std::string>{"left/out"});
  EXPECT_EQ(manifest->folder_facts, (std::vector<Facts>{facts(1), facts(2)}));
  ASSERT_EQ(manifest->entries.size(), 3U);
  EXPECT_EQ(manifest->entries[0].facts, facts(3));
  EXPECT_TRUE(manifest->entries[0].id.is_zero());
  EXPECT_EQ(manifest->entries[2].name, "l2");
  EXPECT_EQ(manifest->entries[2].target, "../file");
  EXPECT_EQ(manifest->entries[1].target.data(), manifest->entries[2].target.data());
}

TEST(ManifestFormat, RefusesMoreNamesThanATreeMayHave) {
  Manifest manifest = sample();
  const std::string_view name = manifest.strings.add(std::string(16'000, 'n'));
  manifest.entries.assign(max_tree_string_bytes / name.size() + 1, {2, id(1), name, "", facts(1)});
  EXPECT_FALSE(decoded(encoded(manifest), 1U << 20U));
  manifest.entries.resize(manifest.entries.size() - 2);
  EXPECT_TRUE(decoded(encoded(manifest), 1U << 20U));
}

TEST(ManifestFormat, RefusesEachTruncationAndEachFlippedBit) {
  const std::string bytes = encoded(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decoded(std::string_view(bytes).substr(0, size))) << size;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decoded(changed)) << bit;
  }
  EXPECT_FALSE(decoded(bytes + "x"));
}

TEST(ManifestFormat, RefusesWhatIsWrongUnderARightChecksum) {
  const auto refused = [](auto&& change) {
    Manifest manifest = sample();
    change(manifest);
    return !decoded(encoded(manifest));
  };
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[1].parent = 1; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[1].name = ".."; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders[0].name = "x"; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.folders.clear(), m.folder_facts.clear(), m.entries.clear(); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[0].name = "a/b"; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[0].name = ""; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.entries[3].folder = 3; }));
  EXPECT_TRUE(refused([](Manifest& m) { std::swap(m.entries[0], m.entries[1]); }));
  EXPECT_FALSE(refused([](Manifest&) {}));
}

TEST(ManifestFormat, RefusesCountsThatAskForMoreThanThereIs) {
  const std::string bytes = encoded(sample());
  const std::string body = bytes.substr(0, bytes.size() - 8);
  ASSERT_EQ(with_checksum(body), bytes);
  for (std::size_t at = 19; at + 8 <= body.size(); ++at) {
    std::string huge = body;
    std::memset(huge.data() + at, 0x7F, 8);
    static_cast<void>(decoded(with_checksum(huge)));  // no crash, no memory
  }
  std::string folders = body;
  // magic, two enums, three counts, two listed paths and one target with their counts
  std::memset(folders.data() + 19 + 2 + 24 + 8 + 4 + 5 + 4 + 1 + 8 + 4 + 7, 0x7F, 8);
  EXPECT_FALSE(decoded(with_checksum(folders)));
}

TEST(ManifestFormat, FactsDoNotDependOnTheInode) {
  struct stat info{};
  info.st_mode = S_IFREG | 0644;
  info.st_ino = 7;
  const Facts before = facts_of(info);
  info.st_ino = 8;
  EXPECT_EQ(facts_of(info), before);
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
