// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <memory>
#include <string>

#include "../support/file_reads.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::ObjectId;
using adapter::testing::FileReads;

namespace {

constexpr long sector_bytes = 4096;

/// A sector of a stored file that the volume does not deliver. A mapping of it would be a SIGBUS on such a volume, and
/// is none here: only that pread() comes first can be seen.
class StoreUnreadable : public StoreTest {
protected:
  void SetUp() override {
    std::string bytes(3'000'000, ' ');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    origin.write("large", bytes);
    origin.write("small", "1\n");
    tip = origin.commit("one");
    pack = origin.pack("HEAD");
    large = ObjectId::from_hex(origin.git("rev-parse HEAD:large")).value();
    open();
    ingest(pack, tip);
    for (const auto& entry : std::filesystem::directory_iterator(directory() / "repo.git/objects/pack")) {
      if (entry.path().extension() == ".pack") {
        stored = entry.path().stem();
      }
    }
  }
  void TearDown() override { FileReads::ignore(); }

  /// From now on reading the sector at `place` of the stored file with this extension fails; `times` times at the most.
  void spoil(const std::string& extension, long place, int error = EIO, int times = INT_MAX) const {
    const auto left = std::make_shared<int>(times);
    const std::string name = "repo.git/objects/pack/" + stored + extension;
    FileReads::watch([name, place, error, left](const std::string& path, long at, std::size_t size) {
      const bool hit = path.ends_with(name) && at < place + sector_bytes && at + static_cast<long>(size) > place;
      return hit && (*left)-- > 0 ? error : 0;
    });
  }
  /// The middle of the large file's entry.
  [[nodiscard]] long middle() const {
    return static_cast<long>(std::filesystem::file_size(directory() / "repo.git/objects/pack" / (stored + ".pack")) /
                             2);
  }
  ErrorClass read_large() {
    try {
      const auto reader = store->reader();
      reader->read_blob(large, {}, [](std::string_view) {});
    } catch (const Error& error) {
      EXPECT_TRUE(error.retryable());
      return error.error_class();
    }
    return ErrorClass::config;
  }
  void expect_healing() {
    EXPECT_FALSE(await(store->verify(tip)).has_value());
    EXPECT_TRUE(store->haves().tips.empty());
    EXPECT_EQ(pack_count(), 0U) << "the pack is set aside";
    FileReads::ignore();
    ingest(pack, tip);
    expect_sound();
  }

  ObjectId tip;
  ObjectId large;
  std::string pack;
  std::string stored;
};

TEST_F(StoreUnreadable, AnEntryIsReadBeforeItIsMapped) {
  for (const int error : {EIO, EUCLEAN, ENODATA}) {
    spoil(".pack", middle(), error);
    EXPECT_EQ(read_large(), ErrorClass::corrupt);
    expect_healing();
  }
}

TEST_F(StoreUnreadable, TheHeadOfAnEntryThatCannotBeReadIsDamage) {
  spoil(".pack", 0);
  EXPECT_EQ(read_large(), ErrorClass::corrupt);
  expect_healing();
}

TEST_F(StoreUnreadable, AnIndexThatCannotBeReadIsSetAside) {
  spoil(".idx", 0);
  EXPECT_EQ(read_large(), ErrorClass::corrupt);
  open();
  EXPECT_TRUE(store->haves().tips.empty());
  EXPECT_EQ(pack_count(), 0U);
}

TEST_F(StoreUnreadable, ATipThatCannotBeReadIsSetAsideAtOpen) {
  std::size_t looks = 0;
  // The first two preads of the look at a pack are its header and its trailer; after them comes the tip.
  FileReads::watch([&, name = "objects/pack/" + stored + ".pack"](const std::string& path, long, std::size_t) {
    return path.ends_with(name) && ++looks > 4 ? EIO : 0;
  });
  open();
  EXPECT_TRUE(store->haves().tips.empty());
  EXPECT_EQ(pack_count(), 0U);
}

/// The bases of a thin pack are read by libgit2's indexer, not by us.
TEST_F(StoreUnreadable, BasesOfAThinPackAreReadBeforeTheyAreMapped) {
  std::string bytes = read_whole(origin.path() / "large");
  bytes[1'000'000] = static_cast<char>(bytes[1'000'000] ^ 1);
  origin.write("large", bytes);
  const ObjectId next = origin.commit("two");
  const std::string thin = origin.pack(next.to_hex() + "\n^" + tip.to_hex(), "--thin");
  ASSERT_LT(thin.size(), 100'000U) << "a delta";
  spoil(".pack", middle());
  const Error error = refusal(thin, next);
  EXPECT_NE(error.text().find("set aside"), std::string::npos) << error.text();
  FileReads::ignore();
  EXPECT_TRUE(store->haves().tips.empty());
  ingest(origin.pack("HEAD"), next);
  expect_sound();
}

TEST_F(StoreUnreadable, AnErrorThatPassesIsNotDamage) {
  spoil(".pack", middle(), EIO, 1);
  EXPECT_EQ(read_large(), ErrorClass::corrupt);
  EXPECT_TRUE(await(store->verify(tip)).has_value());
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
  EXPECT_EQ(read_large(), ErrorClass::config) << "it is read";
  spoil(".pack", middle(), ENOMEM);
  EXPECT_EQ(read_large(), ErrorClass::storage);
  expect_sound();
}

}  // namespace
