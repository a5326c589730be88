// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <thread>

#include "adapter/base/limits.hpp"
#include "large_objects.hpp"
#include "layout.hpp"
#include "object_database.hpp"
#include "quarantine.hpp"
#include "store_packs.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::mib;
using adapter::ObjectId;
using adapter::store::LargeObjectPermit;
using adapter::store::Layout;
using adapter::store::ProgressCounts;
using adapter::store::Quarantine;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A commit whose root tree has more than 16 MiB, and a blob of 17 MiB.
struct LargePack {
  LargePack() {
    PackWriter pack;
    blob = pack.add("blob", std::string(17 * mib, 'b'));
    const ObjectId target = pack.add("blob", "target");
    std::string tree;
    for (int link = 0; link < 75'000; ++link) {
      tree += tree_entry("120000", std::to_string(1'000'000 + link) + std::string(200, 'n'), target);
    }
    tree += tree_entry("100644", "large", blob);
    root_bytes = tree.size();
    root = pack.add("tree", tree);
    commit = pack.add("commit", "tree " + root.to_hex() +
                                    "\nauthor a <a@example.com> 1700000000 +0000\n"
                                    "committer a <a@example.com> 1700000000 +0000\n\nlarge\n");
    bytes = pack.bytes();
  }
  ObjectId blob;
  ObjectId root;
  ObjectId commit;
  std::size_t root_bytes = 0;
  std::string bytes;
};

class StoreLargeObjects : public StoreTest {
protected:
  void SetUp() override {
    static const LargePack pack;
    ASSERT_GT(pack.root_bytes, 16 * mib);
    blob = pack.blob;
    root = pack.root;
    open();
    ingest(pack.bytes, pack.commit);
  }

  ObjectId blob;
  ObjectId root;
};

TEST_F(StoreLargeObjects, ATreeThatWasReadKeepsNoOtherReaderWaiting) {
  const auto first = store->reader();
  const auto second = store->reader();
  EXPECT_EQ(first->tree(root, {}).size(), 75'001U);
  std::stop_source stop;
  std::jthread watchdog([&](const std::stop_token& over) {
    for (int turn = 0; turn < 200 && !over.stop_requested(); ++turn) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    stop.request_stop();
  });
  std::size_t size = 0;
  EXPECT_NO_THROW(second->read_blob(blob, stop.get_token(), [&](std::string_view bytes) { size = bytes.size(); }));
  EXPECT_EQ(size, 17 * mib);
  EXPECT_NO_THROW(first->read_blob(blob, stop.get_token(), [](std::string_view) {}));
}

TEST_F(StoreLargeObjects, OneIsInMemoryAtATime) {
  std::atomic<int> present{0};
  std::atomic<int> most{0};
  std::vector<std::jthread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      const auto reader = store->reader();
      for (int turn = 0; turn < 3; ++turn) {
        reader->read_blob(blob, {}, [&](std::string_view) {
          most = std::max(most.load(), ++present);
          std::this_thread::sleep_for(milliseconds(20));
          --present;
        });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
}

TEST_F(StoreLargeObjects, WaitingForOneEndsWithTheStop) {
  std::latch held(1);
  std::latch over(1);
  std::jthread holder([&] {
    store->reader()->read_blob(blob, {}, [&](std::string_view) {
      held.count_down();
      over.wait();
    });
  });
  held.wait();
  for (const bool tree : {false, true}) {
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] {
      const auto reader = store->reader();
      try {
        if (tree) {
          static_cast<void>(reader->tree(root, stop.get_token()));
        } else {
          reader->read_blob(blob, stop.get_token(), [](std::string_view) {});
        }
      } catch (const Error& error) {
        return error.error_class();
      }
      return ErrorClass::config;
    });
    EXPECT_EQ(waiting.wait_for(milliseconds(200)), std::future_status::timeout);
    const auto asked = steady_clock::now();
    stop.request_stop();
    EXPECT_EQ(waiting.get(), ErrorClass::cancelled);
    EXPECT_LT(steady_clock::now() - asked, seconds(2));
  }
  over.count_down();
}

TEST_F(StoreLargeObjects, AVisitorThatThrowsGivesThePermitBack) {
  const auto reader = store->reader();
  EXPECT_THROW(reader->read_blob(blob, {}, [](std::string_view) { throw Error(ErrorClass::storage, "full"); }), Error);
  std::size_t size = 0;
  reader->read_blob(blob, {}, [&](std::string_view bytes) { size = bytes.size(); });
  EXPECT_EQ(size, 17 * mib);
}

/// A commit with one entry that is a delta of `size` bytes on a blob of 17 MiB.
struct DeltaOnLarge {
  DeltaOnLarge(const std::string& mode, const std::string& text, const std::string& attributes = "") {
    PackWriter pack;
    const std::string large(17 * mib, 'b');
    const ObjectId base = pack.add("blob", large);
    pack.add_ref_delta(base, literal_delta(large.size(), text));
    std::string tree;
    if (!attributes.empty()) {
      tree += tree_entry("100644", ".gitattributes", pack.add("blob", attributes));
    }
    tree += tree_entry(mode, "entry", PackWriter::id_of("blob", text));
    commit = pack.add("commit", "tree " + pack.add("tree", tree).to_hex() +
                                    "\nauthor a <a@example.com> 1700000000 +0000\n"
                                    "committer a <a@example.com> 1700000000 +0000\n\nsmall on large\n");
    bytes = pack.bytes();
  }
  ObjectId commit;
  std::string bytes;
};

class StoreSmallOnLarge : public StoreTest {};

TEST_F(StoreSmallOnLarge, ALinkIsRefusedWithItsPath) {
  open();
  const DeltaOnLarge pack("120000", "target");
  const Error error = refusal(pack.bytes, pack.commit);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("\"entry\": the symbolic link is stored as deltas on objects of 17"), std::string::npos)
      << error.text();
}

TEST_F(StoreSmallOnLarge, AFileIsKeptAndIsNoPointerOfLfs) {
  open();
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, '0') + "\nsize 12345\n";
  const DeltaOnLarge pack("100644", pointer, "* filter=lfs\n");
  EXPECT_EQ(ingest(pack.bytes, pack.commit).lfs_pointer_count, 0U);
}

TEST_F(StoreSmallOnLarge, ACommitIsRefused) {
  open();
  PackWriter pack;
  const ObjectId tree = pack.add("tree", "");
  const std::string head = "tree " + tree.to_hex() +
                           "\nauthor a <a@example.com> 1700000000 +0000\n"
                           "committer a <a@example.com> 1700000000 +0000\n\n";
  const std::string large = head + std::string(17 * mib, 'm');
  const ObjectId base = pack.add("commit", large);
  pack.add_ref_delta(base, literal_delta(large.size(), head));
  const Error error = refusal(pack.bytes(), PackWriter::id_of("commit", head));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("is stored as deltas on objects of"), std::string::npos) << error.text();
}

/// Chains of medium objects take no permit, and are bounded all the same.
TEST_F(StoreSmallOnLarge, ManyLinksOnMediumObjectsAreRefused) {
  open();
  PackWriter pack;
  const std::string medium(15 * mib, 'b');
  const ObjectId base = pack.add("blob", medium);
  std::string tree;
  for (int link = 0; link < 90; ++link) {
    const std::string target = "target-" + std::to_string(100'000 + link);
    pack.add_ref_delta(base, literal_delta(medium.size(), target));
    tree += tree_entry("120000", std::to_string(100'000 + link), PackWriter::id_of("blob", target));
  }
  const ObjectId commit = pack.add("commit", "tree " + pack.add("tree", tree).to_hex() +
                                                 "\nauthor a <a@example.com> 1700000000 +0000\n"
                                                 "committer a <a@example.com> 1700000000 +0000\n\nmany\n");
  const Error error = refusal(pack.bytes(), commit);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("links and pointers of LFS are deltas that unfold"), std::string::npos) << error.text();
}

/// Each name is written by itself, so each unfolds the chain again.
TEST_F(StoreSmallOnLarge, AFileUnderManyNamesIsRefused) {
  open();
  PackWriter pack;
  const std::string large(17 * mib, 'b');
  const ObjectId base = pack.add("blob", large);
  pack.add_ref_delta(base, literal_delta(large.size(), "small"));
  std::string few;
  std::string many;
  for (int name = 0; name < 900; ++name) {
    many += tree_entry("100644", std::to_string(1000 + name), PackWriter::id_of("blob", "small"));
    few = name < 100 ? many : few;
  }
  const auto commit_of = [&pack](const std::string& tree) {
    return pack.add("commit", "tree " + pack.add("tree", tree).to_hex() +
                                  "\nauthor a <a@example.com> 1700000000 +0000\n"
                                  "committer a <a@example.com> 1700000000 +0000\n\nmany\n");
  };
  const ObjectId kept = commit_of(few);
  const ObjectId refused = commit_of(many);
  const Error error = refusal(pack.bytes(), refused);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("files are deltas that unfold to more than 256 times their 4.4"), std::string::npos)
      << error.text();
  EXPECT_EQ(ingest(pack.bytes(), kept).paths, 100U);
}

/// Folders and commits are read as files are: by the walk, and again by each publish.
TEST_F(StoreSmallOnLarge, WhatIsReadTogetherUnfoldsToABound) {
  open();
  PackWriter pack;
  const ObjectId blob = pack.add("blob", "x");
  std::string large;
  for (int name = 0; name < 60'000; ++name) {
    large += tree_entry("100644", std::to_string(1'000'000 + name), blob);
  }
  const ObjectId base = pack.add("tree", large);
  const std::string small = tree_entry("100644", "file", blob);
  pack.add_ref_delta(base, literal_delta(large.size(), small));
  const ObjectId tree = PackWriter::id_of("tree", small);
  const ObjectId commit = pack.add("commit", "tree " + tree.to_hex() +
                                                 "\nauthor a <a@example.com> 1700000000 +0000\n"
                                                 "committer a <a@example.com> 1700000000 +0000\n\nsmall\n");
  ingest(pack.bytes(), commit);
  const std::array<std::filesystem::path, 1> folders{directory() / "repo.git/objects"};
  const std::uint64_t reads = 64 * mib / large.size();
  adapter::store::ObjectDatabase objects(folders, mib / 4);
  const auto read = [&] {
    return objects.visit(tree, adapter::store::ObjectType::tree, mib, std::stop_token(), [](std::string_view) {});
  };
  for (std::uint64_t i = 0; i < reads; ++i) {
    ASSERT_TRUE(read()) << i;
  }
  try {
    for (int i = 0; i < 3; ++i) {
      read();
    }
    ADD_FAILURE() << "it reads on";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::limit);
    EXPECT_NE(error.text().find("the objects are deltas that unfold to more than 256 times"), std::string::npos)
        << error.text();
  }
}

/// Resolving deltas unfolds bases and results: of one pack at a time where they are large.
TEST_F(StoreSmallOnLarge, ItsDeltasAreResolvedUnderThePermit) {
  open();
  const DeltaOnLarge large("100644", "small");
  const DeltaOnLarge* const with_large = &large;
  PackWriter small;
  const DeltaChain chain = add_chain(small, 3, DeltaKind::by_id);
  const ObjectId small_commit = add_commit_of(small, chain.ids);
  const LargePack held_blob;
  ingest(held_blob.bytes, held_blob.commit);
  std::latch held(1);
  std::latch over(1);
  std::jthread holder([&] {
    store->reader()->read_blob(held_blob.blob, {}, [&](std::string_view) {
      held.count_down();
      over.wait();
    });
  });
  held.wait();
  ingest(small.bytes(), small_commit);  // needs no permit
  std::jthread release([&] {
    std::this_thread::sleep_for(milliseconds(300));
    over.count_down();
  });
  const auto begin = steady_clock::now();
  ingest(with_large->bytes, with_large->commit);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(250));
}

/// A pack that takes long keeps others from their large objects for one delta at the most.
class StoreManyOnLarge : public StoreTest {
protected:
  void SetUp() override {
    PackWriter writer;
    const std::string large(17 * mib, 'b');
    const ObjectId base = writer.add("blob", large);
    for (int number = 0; number < 60; ++number) {
      writer.add_ref_delta(base, literal_delta(large.size(), std::to_string(number)));
    }
    open();
    quarantine.append(writer.bytes(), {});
  }

  void wait_for_the_first_delta() const {
    while (counts->snapshot().indexed_deltas == 0) {
      std::this_thread::sleep_for(milliseconds(1));
    }
  }

  std::shared_ptr<ProgressCounts> counts = std::make_shared<ProgressCounts>();
  Quarantine quarantine{Layout(directory()), adapter::Limits{}, counts};
};

TEST_F(StoreManyOnLarge, ReadersTakeTurnsWithItsDeltas) {
  auto pack = std::async(std::launch::async, [&] { return quarantine.finish({}); });
  wait_for_the_first_delta();
  for (int turn = 0; turn < 3; ++turn) {
    const LargeObjectPermit permit{std::stop_token()};
    EXPECT_LT(counts->snapshot().indexed_deltas, 60U);
    EXPECT_EQ(pack.wait_for(milliseconds(100)), std::future_status::timeout) << "it holds large objects too";
  }
  EXPECT_TRUE(pack.get().has_value());
}

TEST_F(StoreManyOnLarge, AStopEndsItWhileAReaderHasItsTurn) {
  std::stop_source stop;
  auto pack = std::async(std::launch::async, [&] {
    try {
      static_cast<void>(quarantine.finish(stop.get_token()));
    } catch (const Error& error) {
      return error.error_class();
    }
    return ErrorClass::config;
  });
  wait_for_the_first_delta();
  const LargeObjectPermit permit{std::stop_token()};
  stop.request_stop();
  EXPECT_EQ(pack.wait_for(seconds(2)), std::future_status::ready);
  EXPECT_EQ(pack.get(), ErrorClass::cancelled);
}

}  // namespace
