// SPDX-License-Identifier: Apache-2.0
// What every publish::TreeSource does: the fake of the publisher's tests, and the source over a store that git filled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../support/memory_trees.hpp"
#include "../support/walk_tree.hpp"
#include "adapter/content/tree_source.hpp"
#include "store_support.hpp"

namespace adapter::testing {
namespace {

using publish::EntryKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Where the trees of a test come from.
class TreeMaker {
public:
  virtual ~TreeMaker() = default;
  virtual std::shared_ptr<const publish::TreeSource> source(const std::vector<MemoryFile>& files) = 0;
};

class FakeTrees final : public TreeMaker {
public:
  std::shared_ptr<const publish::TreeSource> source(const std::vector<MemoryFile>& files) override {
    return trees_.source(trees_.commit(files));
  }

private:
  MemoryTrees trees_;
};

/// A submodule stands for an empty folder.
class StoredTrees final : public TreeMaker, private StoreTest {
public:
  std::shared_ptr<const publish::TreeSource> source(const std::vector<MemoryFile>& files) override {
    origin.git("read-tree --empty");
    for (const MemoryFile& file : files) {
      const ObjectId blob = origin.hash_object("blob", file.bytes);
      origin.git("update-index --add --cacheinfo " + mode_of(file.kind) + "," + blob.to_hex() + "," + file.path);
    }
    const ObjectId tree = ObjectId::from_hex(origin.git("write-tree")).value();
    const ObjectId commit = origin.commit_of_tree(tree);
    open();
    ingest(origin.pack(commit.to_hex()), commit);
    return content::make_tree_source(commit, [this] { return store->reader(); }, {});
  }

private:
  void TestBody() override {}

  static std::string mode_of(EntryKind kind) {
    switch (kind) {
      case EntryKind::file:
        return "100644";
      case EntryKind::executable:
        return "100755";
      case EntryKind::symlink:
        return "120000";
      case EntryKind::folder:
        break;
    }
    return "160000";
  }
};

struct Implementation {
  const char* name;
  std::unique_ptr<TreeMaker> (*make)();
};

class TreeSourceContract : public ::testing::TestWithParam<Implementation> {
protected:
  std::unique_ptr<TreeMaker> trees_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(
    Of, TreeSourceContract,
    ::testing::Values(
        Implementation{"Fake", []() -> std::unique_ptr<TreeMaker> { return std::make_unique<FakeTrees>(); }},
        Implementation{"Content", []() -> std::unique_ptr<TreeMaker> { return std::make_unique<StoredTrees>(); }}),
    [](const auto& each) { return each.param.name; });

TEST_P(TreeSourceContract, ListsFoldersInGitsOrderWithTheirContent) {
  const auto source = trees_->source({{"b", "file\n"},
                                      {"a/run", "#!", EntryKind::executable},
                                      {"a/link", "../b", EntryKind::symlink},
                                      {"a-b", ""},
                                      {"a.b", std::string(300'000, 'x')},
                                      {"nothing", "", EntryKind::folder}});
  EXPECT_THAT(walk_tree(*source),
              ElementsAre("file a-b ", "file a.b " + std::string(300'000, 'x'), "folder a", "symlink a/link ../b",
                          "executable a/run #!", "file b file\n", "folder nothing"));
}

TEST_P(TreeSourceContract, MayBeEmpty) {
  EXPECT_THAT(walk_tree(*trees_->source({})), IsEmpty());
}

TEST_P(TreeSourceContract, GivesEqualContentOneIdentity) {
  const auto source = trees_->source({{"a/n", "1"}, {"b/n", "1"}, {"c/n", "2"}, {"d", "1"}});
  const std::unique_ptr<publish::TreeReader> reader = source->reader();
  std::vector<publish::TreeEntry> root;
  reader->list("", reader->root(), {}, [&](publish::TreeEntry entry) { root.push_back(std::move(entry)); });
  ASSERT_EQ(root.size(), 4U);
  EXPECT_EQ(root[0].id, root[1].id);
  EXPECT_NE(root[1].id, root[2].id);
  reader->list("a", root[0].id, {}, [&](const publish::TreeEntry& entry) { EXPECT_EQ(entry.id, root[3].id); });
}

TEST_P(TreeSourceContract, NamesTheCommitWhoseTreeItIs) {
  const auto one = trees_->source({{"a", "1"}});
  EXPECT_FALSE(one->commit().is_zero());
  EXPECT_NE(trees_->source({{"a", "2"}})->commit(), one->commit());
}

TEST_P(TreeSourceContract, PassesOnWhatVisitorAndSinkThrow) {
  struct FullSink final : publish::ContentSink {
    void begin(std::uint64_t) override { throw Error(ErrorClass::storage, "full"); }
    void write(std::string_view) override { ADD_FAILURE() << "written after a failed begin"; }
  };
  const auto source = trees_->source({{"a", "1"}, {"b", "2"}});
  const std::unique_ptr<publish::TreeReader> reader = source->reader();
  std::vector<publish::TreeEntry> seen;
  EXPECT_THROW(reader->list("", reader->root(), {},
                            [&](publish::TreeEntry entry) {
                              seen.push_back(std::move(entry));
                              throw Error(ErrorClass::storage, "full");
                            }),
               Error);
  ASSERT_EQ(seen.size(), 1U);
  FullSink full;
  EXPECT_THROW(reader->read(seen.front().id, EntryKind::file, {}, full), Error);
  StringSink sink;
  reader->read(seen.front().id, EntryKind::file, {}, sink);
  EXPECT_EQ(sink.bytes, "1");
}

TEST_P(TreeSourceContract, CallsAMissingObjectCorrupt) {
  const auto source = trees_->source({{"a", "1"}});
  const std::unique_ptr<publish::TreeReader> reader = source->reader();
  const ObjectId missing = ObjectId::from_hex(std::string(ObjectId::hex_size, '7')).value();
  for (const std::function<void()>& read :
       {std::function<void()>([&] {
          StringSink sink;
          reader->read(missing, EntryKind::file, {}, sink);
        }),
        std::function<void()>([&] { reader->list("", missing, {}, [](const publish::TreeEntry&) {}); })}) {
    try {
      read();
      ADD_FAILURE() << "a missing object was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::corrupt);
    }
  }
}

}  // namespace
}  // namespace adapter::testing
