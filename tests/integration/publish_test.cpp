// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::EntryKind;
using publish::PublishOptions;
using publish::PublishResult;
using publish::Standing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<MemoryFile> small_tree() {
  return {{"README", "hello\n"},
          {"bin/run", "#!/bin/sh\n", EntryKind::executable},
          {"a/b/c/deep", "deep\n"},
          {"latest", "a/b", EntryKind::symlink},
          {"nothing", "", EntryKind::folder}};
}

mode_t mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

class Umask {
public:
  explicit Umask(mode_t mask) : old_(umask(mask)) {}
  ~Umask() { umask(old_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

private:
  mode_t old_;
};

// ---- publishing ----

TEST(Publish, WritesTheTreeAndLeadsTheLinkToIt) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit(small_tree());
  const PublishResult outcome = fixture.publish(commit);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.reused);
  EXPECT_EQ(outcome.commit, commit);
  EXPECT_EQ(outcome.previous, std::nullopt);
  EXPECT_EQ(outcome.files, 4U);
  EXPECT_EQ(outcome.bytes, 6U + 10U + 5U);
  EXPECT_EQ(fs::read_symlink(fixture.link), ".adapter/docs/trees/" + commit.to_hex());
  EXPECT_EQ(content(fixture.link / "README"), "hello\n");
  EXPECT_EQ(content(fixture.link / "latest/c/deep"), "deep\n");
  EXPECT_TRUE(fs::is_empty(fixture.link / "nothing"));
  EXPECT_TRUE(fs::is_directory(fixture.link / "nothing"));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  EXPECT_THAT(fixture.litter(), IsEmpty());
}

TEST(Publish, WorksWithOneWorkerAndWithAnEmptyTree) {
  PublishFixture fixture(1);
  const ObjectId empty = fixture.trees.commit({});
  const ObjectId full = fixture.trees.commit(small_tree());
  fixture.publish(empty);
  EXPECT_TRUE(fs::is_empty(fixture.link));
  const PublishResult outcome = fixture.publish(full);
  EXPECT_EQ(outcome.previous, empty);
  EXPECT_EQ(content(fixture.link / "README"), "hello\n");
}

TEST(Publish, DoesNothingWhenTheCommitStandsUntouched) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit(small_tree());
  fixture.publish(commit);
  struct stat before{};
  ASSERT_EQ(lstat(fixture.link.c_str(), &before), 0);
  const PublishResult outcome = fixture.publish(commit);
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.reused);
  EXPECT_EQ(outcome.files, 4U);
  struct stat after{};
  ASSERT_EQ(lstat(fixture.link.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST(Publish, KeepsTheTreeBeforeAndNoOther) {
  PublishFixture fixture;
  std::vector<ObjectId> commits;
  for (int i = 0; i < 4; ++i) {
    commits.push_back(fixture.trees.commit({{"n", std::to_string(i)}}));
    fixture.publish(commits.back());
  }
  fixture.clean_up();
  EXPECT_TRUE(fs::exists(fixture.tree(commits[3])));
  EXPECT_TRUE(fs::exists(fixture.tree(commits[2])));
  EXPECT_FALSE(fs::exists(fixture.tree(commits[1])));
  EXPECT_FALSE(fs::exists(fixture.tree(commits[0])));
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_EQ(std::distance(fs::directory_iterator(fixture.own() / "manifests"), fs::directory_iterator()), 2);
}

TEST(Publish, ReusesTheTreeBeforeOnARollback) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  fixture.publish(first);
  fixture.publish(second);
  const PublishResult back = fixture.publish(first);
  EXPECT_TRUE(back.changed);
  EXPECT_TRUE(back.reused);
  EXPECT_EQ(back.previous, second);
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST(Publish, GivesExactModesWhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{077}, mode_t{027}}) {
    const Umask scope(mask);
    for (const Share share : {Share::all, Share::group}) {
      PublishFixture fixture;
      const ObjectId commit = fixture.trees.commit(small_tree());
      fixture.publish(commit, PublishOptions{.share = share});
      const bool all = share == Share::all;
      EXPECT_EQ(mode_of(fixture.tree(commit)), all ? 0755U : 0750U);
      EXPECT_EQ(mode_of(fixture.link / "a/b/c"), all ? 0755U : 0750U);
      EXPECT_EQ(mode_of(fixture.link / "nothing"), all ? 0755U : 0750U);
      EXPECT_EQ(mode_of(fixture.link / "README"), all ? 0644U : 0640U);
      EXPECT_EQ(mode_of(fixture.link / "bin/run"), all ? 0755U : 0750U);
      EXPECT_EQ(mode_of(fixture.data_dir / ".adapter"), 0755U);
      EXPECT_EQ(mode_of(fixture.own()), 0755U);
      EXPECT_EQ(mode_of(fixture.own() / "trees"), 0755U);
      EXPECT_EQ(mode_of(fixture.own() / "manifests"), 0700U);
      EXPECT_EQ(fixture.recover().commit, commit);
    }
  }
}

TEST(Publish, LeavesNoInheritedSetgidBitBehind) {
  PublishFixture fixture;
  ASSERT_EQ(chmod(fixture.data_dir.c_str(), 02755), 0);
  const ObjectId commit = fixture.trees.commit(small_tree());
  fixture.publish(commit);
  EXPECT_EQ(mode_of(fixture.link / "a/b"), 0755U);
  EXPECT_EQ(mode_of(fixture.tree(commit)), 0755U);
  EXPECT_EQ(fixture.recover().commit, commit);
}

TEST(Publish, WritesTheTreeAnewWhenItShallBeSharedOtherwise) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit(small_tree());
  fixture.publish(commit);
  const PublishResult outcome = fixture.publish(commit, PublishOptions{.share = Share::group});
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.reused);
  EXPECT_EQ(mode_of(fixture.link / "README"), 0640U);
  EXPECT_EQ(fixture.recover().share, Share::group);
}

TEST(Publish, LeavesNothingOfATreeWhoseSourceFails) {
  PublishFixture fixture;
  const ObjectId good = fixture.trees.commit(small_tree());
  fixture.publish(good);
  const ObjectId commit = fixture.trees.commit({{"a/b/c", "12345"}, {"d", "1"}});
  for (const ErrorClass error_class : {ErrorClass::limit, ErrorClass::policy, ErrorClass::corrupt}) {
    fixture.trees.before_blob = [&](const ObjectId&) { throw Error(error_class, "refused by the source"); };
    const Error error = error_of([&] { fixture.publish(commit); });
    EXPECT_EQ(error.error_class(), error_class);
    EXPECT_EQ(error.text(), "refused by the source");
    EXPECT_EQ(content(fixture.link / "README"), "hello\n");
    EXPECT_FALSE(fs::exists(fixture.tree(commit)));
    EXPECT_THAT(fixture.litter(), IsEmpty());
  }
}

TEST(Publish, RefusesNamesThatAreNotOneComponent) {
  PublishFixture fixture;
  const ObjectId blob = fixture.trees.add_blob("x");
  for (const std::string& name :
       {std::string(".."), std::string("."), std::string(), std::string("a/b"), std::string("a\0b", 3)}) {
    const ObjectId tree = fixture.trees.add_tree({publish::TreeEntry{name, blob, EntryKind::file}});
    const ObjectId commit = fixture.trees.add_commit(tree);
    EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::policy);
  }
  EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.link)));
  EXPECT_THAT(fixture.litter(), IsEmpty());
}

TEST(Publish, RefusesAnEntryThatStandsTwice) {
  PublishFixture fixture;
  const ObjectId blob = fixture.trees.add_blob("x");
  const ObjectId target = fixture.trees.add_blob("/etc");
  const ObjectId tree = fixture.trees.add_tree(
      {publish::TreeEntry{"a", target, EntryKind::symlink},
       publish::TreeEntry{"a", fixture.trees.add_tree({publish::TreeEntry{"b", blob, EntryKind::file}}),
                          EntryKind::folder}});
  const ObjectId commit = fixture.trees.add_commit(tree);
  const Error error = error_of([&] { fixture.publish(commit, PublishOptions{.symlinks = SymlinkPolicy::keep}); });
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(fixture.litter(), IsEmpty());
}

TEST(Publish, SaysWhichObjectIsMissing) {
  PublishFixture fixture;
  const ObjectId tree = fixture.trees.add_tree({publish::TreeEntry{"a", ObjectId{}, EntryKind::file}});
  const ObjectId commit = fixture.trees.add_commit(tree);
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::corrupt);
  EXPECT_THAT(fixture.litter(), IsEmpty());
}

// ---- symbolic links ----

TEST(PublishSymlinks, LeavesOutThoseThatLeave) {
  PublishFixture fixture;
  std::vector<MemoryFile> files = {{"dir/file", "x"},
                                   {"dir/in", "../dir/file", EntryKind::symlink},
                                   {"dangling", "nowhere/at/all", EntryKind::symlink},
                                   {"loop", "loop", EntryKind::symlink},
                                   {"out", "../x", EntryKind::symlink},
                                   {"abs", "/etc/passwd", EntryKind::symlink},
                                   {"empty", "", EntryKind::symlink},
                                   {"through", "out/etc", EntryKind::symlink}};
  const ObjectId commit = fixture.trees.commit(files);
  const PublishResult outcome = fixture.publish(commit);
  EXPECT_EQ(outcome.left_out_link_count, 4U);
  EXPECT_THAT(outcome.left_out_links, ElementsAre("abs", "empty", "out", "through"));
  EXPECT_TRUE(fs::is_symlink(fixture.link / "dangling"));
  EXPECT_TRUE(fs::is_symlink(fixture.link / "loop"));
  EXPECT_EQ(content(fixture.link / "dir/in"), "x");
  EXPECT_FALSE(fs::is_symlink(fixture.link / "out"));
  EXPECT_EQ(fixture.recover().commit, commit);
  const PublishResult again = fixture.publish(commit);
  EXPECT_TRUE(again.reused);
  EXPECT_EQ(again.left_out_link_count, 4U);
}

TEST(PublishSymlinks, ListsTheFirstSixteen) {
  PublishFixture fixture;
  std::vector<MemoryFile> files;
  for (int i = 100; i < 3000; ++i) {
    files.push_back({"l" + std::to_string(i), "/x" + std::to_string(i), EntryKind::symlink});
  }
  const PublishResult outcome = fixture.publish(fixture.trees.commit(files));
  EXPECT_EQ(outcome.left_out_link_count, 2900U);
  ASSERT_EQ(outcome.left_out_links.size(), 16U);
  EXPECT_EQ(outcome.left_out_links.front(), "l100");
}

TEST(PublishSymlinks, KeepWritesAll) {
  PublishFixture fixture;
  const ObjectId commit =
      fixture.trees.commit({{"out", "../../x", EntryKind::symlink}, {"abs", "/etc", EntryKind::symlink}});
  const PublishResult outcome = fixture.publish(commit, PublishOptions{.symlinks = SymlinkPolicy::keep});
  EXPECT_EQ(outcome.left_out_link_count, 0U);
  EXPECT_EQ(fs::read_symlink(fixture.link / "out"), "../../x");
  EXPECT_EQ(fs::read_symlink(fixture.link / "abs"), "/etc");
}

TEST(PublishSymlinks, NeverWritesThroughALinkOfTheTree) {
  TemporaryFolder outside;
  PublishFixture fixture;
  const ObjectId commit =
      fixture.trees.commit({{"a", outside.path().native(), EntryKind::symlink}, {"a/pwned", "x"}, {"z", "1"}});
  const Error error = error_of([&] { fixture.publish(commit, PublishOptions{.symlinks = SymlinkPolicy::keep}); });
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_TRUE(fs::is_empty(outside.path()));
}

}  // namespace
}  // namespace adapter::testing
