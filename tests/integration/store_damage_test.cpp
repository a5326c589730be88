// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::ObjectId;

namespace {

class StoreDamage : public StoreTest {
protected:
  void SetUp() override {
    std::uniform_int_distribution<int> byte(32, 126);
    for (int file = 0; file < 20; ++file) {
      std::string bytes(300, ' ');
      std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(byte(random)); });
      origin.write("folder" + std::to_string(file % 3) + "/file" + std::to_string(file), bytes);
    }
    tip = origin.commit("one");
    pack = origin.pack("HEAD");
    expected = origin.git("ls-tree -r HEAD");
    open();
    ingest(pack, tip);
  }

  std::filesystem::path kept_file(const std::string& extension) const {
    for (const auto& entry : std::filesystem::directory_iterator(directory() / "repo.git/objects/pack")) {
      if (entry.path().extension() == extension) {
        return entry.path();
      }
    }
    return {};
  }

  void damage(const std::string& extension, const std::function<void(std::string&)>& change) {
    const auto path = kept_file(extension);
    std::string bytes = read_whole(path);
    change(bytes);
    std::filesystem::remove(path);
    write_whole(path, bytes);
  }

  /// Reads every object as a publish would; false when the store said that something is corrupt.
  bool reads_back() {
    try {
      const auto reader = store->reader();
      EXPECT_EQ(listing(tip), expected);
      std::vector<ObjectId> open_trees{reader->commit_tree(tip)};
      while (!open_trees.empty()) {
        const ObjectId tree = open_trees.back();
        open_trees.pop_back();
        for (const auto& entry : reader->tree(tree, {})) {
          if (entry.kind == adapter::store::EntryKind::folder) {
            open_trees.push_back(entry.id);
          } else {
            reader->read_blob(entry.id, {},
                              [&](std::string_view bytes) { EXPECT_EQ(origin.hash_object_name(bytes), entry.id); });
          }
        }
      }
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << error.text();
      return false;
    }
  }

  /// What sync does after a reader met damage: asks, forgets, fetches again.
  void expect_healing() {
    EXPECT_FALSE(await(store->verify(tip)).has_value());
    EXPECT_TRUE(store->haves().tips.empty());
    ingest(pack, tip);
    EXPECT_EQ(listing(tip), expected);
    expect_sound();
    EXPECT_FALSE(std::filesystem::exists(directory() / "repo.git/damaged"));
  }

  ObjectId tip;
  std::string pack;
  std::string expected;
};

TEST_F(StoreDamage, ATruncatedFileIsFoundAtOpen) {
  for (const std::string& extension : std::vector<std::string>{".pack", ".idx"}) {
    for (const int part : {0, 1, 32, 63}) {
      damage(extension, [&](std::string& bytes) { bytes.resize(bytes.size() * static_cast<std::size_t>(part) / 64); });
      open();
      EXPECT_TRUE(store->haves().tips.empty());
      EXPECT_EQ(pack_count(), 0U);
      expect_healing();
    }
  }
}

TEST_F(StoreDamage, AFlippedBitNeverGivesWrongBytesAndHeals) {
  for (const std::string& extension : std::vector<std::string>{".pack", ".idx"}) {
    const std::string whole = read_whole(kept_file(extension));
    for (std::size_t part = 0; part < 64; ++part) {
      const std::size_t at = whole.size() * part / 64;
      damage(extension, [&](std::string& bytes) { bytes[at] = static_cast<char>(bytes[at] ^ (1 << (part % 8))); });
      open();
      const bool held = !store->haves().tips.empty();
      if (held && reads_back()) {
        damage(extension, [&](std::string& bytes) { bytes[at] = static_cast<char>(bytes[at] ^ (1 << (part % 8))); });
        continue;  // a byte that nothing depends on: a checksum of the file, a CRC, part of the fan-out
      }
      expect_healing();
    }
  }
}

TEST_F(StoreDamage, ALostPackIsForgotten) {
  std::filesystem::remove(kept_file(".pack"));
  open();
  EXPECT_TRUE(store->haves().tips.empty());
  expect_healing();
}

TEST_F(StoreDamage, DamagedBasesOfAThinPackAreARetryableError) {
  std::string text = read_whole(origin.path() / "folder0/file0");
  origin.write("folder0/file0", text + "changed");
  const ObjectId next = origin.commit("two");
  const std::string thin = origin.pack(next.to_hex() + "\n^" + tip.to_hex(), "--thin");
  damage(".pack", [](std::string& bytes) {
    for (std::size_t at = 200; at + 100 < bytes.size(); at += 50) {
      bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    }
  });
  const auto error = refusal(thin, next);
  EXPECT_EQ(error.error_class(), ErrorClass::storage) << error.text();
  EXPECT_TRUE(error.retryable());
  open();
  EXPECT_TRUE(store->haves().tips.empty());
  ingest(origin.pack("HEAD"), next);
  expect_sound();
}

TEST_F(StoreDamage, LitterOfKilledRunsIsSwept) {
  const auto git = directory() / "repo.git";
  std::filesystem::create_directories(directory() / "incoming/0123/pack");
  write_whole(directory() / "incoming/0123/pack/pack_git2_1", "half");
  write_whole(git / "objects/pack/pack-1111.pack", "no index yet");
  write_whole(git / "objects/pack/pack-2222.idx", "no pack any more");
  write_whole(git / "objects/pack/tmp_pack_x", "");
  write_whole(git / "objects/pack/multi-pack-index", "");
  write_whole(git / ".tmp-0123456789abcdef", "");
  open();
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(git / "objects/pack"), {}), 2);
  EXPECT_FALSE(std::filesystem::exists(git / ".tmp-0123456789abcdef"));
  EXPECT_EQ(listing(tip), expected);
  expect_sound();
}

/// A keep moves the pack, then replaces shallow, packed-refs and HEAD, in this order: each state that a kill can leave.
TEST_F(StoreDamage, AKillBetweenTwoStepsOfAKeepIsHarmless) {
  const auto git = directory() / "repo.git";
  const std::vector<std::string> records{"shallow", "adapter-depth", "packed-refs", "HEAD"};
  const auto follow = [&](const char* text) {
    const ObjectId before = tip;
    origin.write("folder0/file0", text);
    tip = origin.commit(text);
    adapter::store::Tip next;
    next.ref = "refs/heads/main";
    next.id = tip;
    ingest(
        origin.pack("--shallow " + before.to_hex() + "\n" + tip.to_hex() + "\n^" + before.to_hex(), "--thin --shallow"),
        next);
  };
  follow("two");
  follow("three");
  follow("before");
  const ObjectId old_tip = tip;
  const auto saved = folder.path() / "saved";
  std::filesystem::create_directories(saved);
  for (const auto& record : records) {
    std::filesystem::copy_file(git / record, saved / ("old-" + record));
  }
  follow("four");
  for (const auto& record : records) {
    std::filesystem::copy_file(git / record, saved / ("new-" + record));
  }
  for (std::size_t done = 0; done <= records.size(); ++done) {
    for (std::size_t at = 0; at < records.size(); ++at) {
      std::filesystem::copy_file(saved / ((at < done ? "new-" : "old-") + records[at]), git / records[at],
                                 std::filesystem::copy_options::overwrite_existing);
    }
    expect_sound();
    open();
    ASSERT_FALSE(store->haves().tips.empty()) << done;
    EXPECT_EQ(store->haves().tips.front(), done < 3 ? old_tip : tip) << done;
    EXPECT_TRUE(await(store->verify(store->haves().tips.front())).has_value());
    expect_sound();
  }
}

TEST_F(StoreDamage, LostRecordsAreRebuiltByTheNextKeep) {
  for (const char* name : {"packed-refs", "HEAD", "config", "shallow", "adapter-depth"}) {
    std::filesystem::remove(directory() / "repo.git" / name);
  }
  open();
  EXPECT_TRUE(store->haves().tips.empty());
  const auto facts = await(store->verify(tip));
  ASSERT_TRUE(facts.has_value());
  adapter::store::Tip again;
  again.ref = "refs/heads/main";
  again.id = tip;
  again.depth = 0;
  await(store->accept(nullptr, again));
  EXPECT_EQ(kept_git("rev-parse main"), tip.to_hex() + "\n");
  expect_sound();
}

TEST_F(StoreDamage, RecordsOfNonsenseAreNoRecords) {
  for (const std::string& text :
       {std::string("\0\xFF\n^^^\n", 7), std::string(40, 'z') + " refs/heads/x\n", std::string(100'000, 'a')}) {
    for (const char* name : {"packed-refs", "shallow", "adapter-depth"}) {
      write_whole(directory() / "repo.git" / name, text);
    }
    open();
    EXPECT_TRUE(store->haves().tips.empty());
    ingest(pack, tip);
    expect_sound();
  }
}

}  // namespace
