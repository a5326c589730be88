// SPDX-License-Identifier: Apache-2.0
#include "adapter/content/tree_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../../support/walk_tree.hpp"
#include "adapter/base/error.hpp"

namespace adapter::content {
namespace {

using store::EntryKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::walk_tree;

const ObjectId empty_tree_id = ObjectId::from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904").value();

/// An id of one digit.
ObjectId id_of(char digit) {
  return ObjectId::from_hex(std::string(ObjectId::hex_size, digit)).value();
}

/// What a store holds, by id. The commit 0 has the tree 1.
struct Objects {
  std::map<ObjectId, std::vector<store::TreeEntry>> trees;
  std::map<ObjectId, std::string> blobs;
};

class FakeReader final : public store::ObjectReader {
public:
  explicit FakeReader(const Objects& objects) : objects_(objects) {}
  ObjectId commit_tree(const ObjectId& commit) override {
    EXPECT_EQ(commit, id_of('0'));
    return id_of('1');
  }
  std::vector<store::TreeEntry> tree(const ObjectId& id, const std::stop_token&) override {
    return objects_.trees.at(id);
  }
  void read_blob(const ObjectId& id, const std::stop_token&, const store::BytesVisitor& visit) override {
    visit(objects_.blobs.at(id));
  }
  std::uint64_t blob_size_bytes(const ObjectId& id) override { return objects_.blobs.at(id).size(); }

private:
  const Objects& objects_;
};

std::shared_ptr<const publish::TreeSource> source_of(const Objects& objects, const TreeOptions& options = {}) {
  return make_tree_source(id_of('0'), [&objects] { return std::make_unique<FakeReader>(objects); }, options);
}

Error refusal(const Objects& objects, const TreeOptions& options) {
  try {
    static_cast<void>(walk_tree(*source_of(objects, options)));
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "the tree was not refused";
  return {ErrorClass::config, "none"};
}

/// a/b/c of five bytes and d of one: four paths, two folders deep.
Objects small_tree() {
  Objects objects;
  objects.trees[id_of('1')] = {{"a", id_of('2'), EntryKind::folder}, {"d", id_of('5'), EntryKind::file}};
  objects.trees[id_of('2')] = {{"b", id_of('3'), EntryKind::folder}};
  objects.trees[id_of('3')] = {{"c", id_of('4'), EntryKind::file}};
  objects.blobs = {{id_of('4'), "12345"}, {id_of('5'), "1"}};
  return objects;
}

TEST(TreeSource, HasWhatTheCommitHolds) {
  EXPECT_THAT(walk_tree(*source_of(small_tree())),
              ElementsAre("folder a", "folder a/b", "file a/b/c 12345", "file d 1"));
}

TEST(TreeSource, HasAnEmptyFolderForASubmodule) {
  Objects objects;
  objects.trees[id_of('1')] = {{"module", id_of('9'), EntryKind::submodule}};
  EXPECT_THAT(walk_tree(*source_of(objects)), ElementsAre("folder module"));
}

TEST(TreeSource, HasNoFolderForATreeWithoutEntries) {
  Objects objects;
  objects.trees[id_of('1')] = {{"a", empty_tree_id, EntryKind::folder}};
  EXPECT_THAT(walk_tree(*source_of(objects)), IsEmpty());
}

TEST(TreeSource, RefusesATreeBeyondALimit) {
  TreeOptions options;
  options.limits.max_paths = 3;
  EXPECT_THAT(refusal(small_tree(), options).text(), HasSubstr("more than 3 paths (limits: max_paths)"));
  options = {};
  options.limits.max_tree_bytes = 5;
  EXPECT_THAT(refusal(small_tree(), options).text(), HasSubstr("more than 5 bytes (limits: max_tree_bytes)"));
  options = {};
  options.limits.max_depth = 1;
  const Error error = refusal(small_tree(), options);
  EXPECT_THAT(error.text(), HasSubstr("deeper than 1 at a/b (limits: max_depth)"));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
}

TEST(TreeSource, AllowsATreeOfExactlyItsLimits) {
  TreeOptions options;
  options.limits.max_paths = 4;
  options.limits.max_tree_bytes = 6;
  options.limits.max_depth = 2;
  EXPECT_EQ(walk_tree(*source_of(small_tree(), options)).size(), 4U);
}

TEST(TreeSource, CountsWhatAllItsReadersRead) {
  const Objects objects = small_tree();
  TreeOptions options;
  options.limits.max_paths = 4;
  const auto source = source_of(objects, options);
  EXPECT_EQ(walk_tree(*source).size(), 4U);
  EXPECT_THROW(static_cast<void>(walk_tree(*source)), Error);
}

TEST(TreeSource, RefusesASymbolicLinkWhereThePolicySaysSo) {
  Objects objects;
  objects.trees[id_of('1')] = {{"d", id_of('2'), EntryKind::folder}};
  objects.trees[id_of('2')] = {{"link", id_of('4'), EntryKind::symlink}};
  objects.blobs = {{id_of('4'), "target"}};
  TreeOptions options;
  options.limits.max_tree_bytes = 0;  // a link's target is no file's bytes
  EXPECT_THAT(walk_tree(*source_of(objects, options)), ElementsAre("folder d", "symlink d/link target"));
  options.symlinks = SymlinkPolicy::refuse;
  const Error error = refusal(objects, options);
  EXPECT_EQ(error.error_class(), ErrorClass::policy);
  EXPECT_THAT(error.text(), HasSubstr("a symbolic link, d/link, and symlinks: refuse"));
}

}  // namespace
}  // namespace adapter::content
