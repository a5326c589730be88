// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::EntryKind;
using publish::PublishResult;
using publish::Standing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<MemoryFile> tree_files() {
  return {{"README", "hello\n"},
          {"a/one", "1111"},
          {"a/two", "2222"},
          {"a/b/three", "3333"},
          {"latest", "a/b", EntryKind::symlink}};
}

void restore_times(const fs::path& path, const struct stat& before) {
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

// ---- trees that somebody edited ----

struct Edit {
  const char* what;
  std::function<void(const fs::path& tree)> apply;
};

std::vector<Edit> edits_of_bytes() {
  return {
      {"other bytes of the same size, time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat((tree / "a/one").c_str(), &before), 0);
         write(tree / "a/one", "XXXX");
         restore_times(tree / "a/one", before);
       }},
      {"longer", [](const fs::path& tree) { write(tree / "a/one", "11111"); }},
      {"one added", [](const fs::path& tree) { write(tree / "a/new", "x"); }},
      {"one added at the top", [](const fs::path& tree) { write(tree / "new", "x"); }},
      {"one added, the folder's time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat((tree / "a").c_str(), &before), 0);
         write(tree / "a/new", "x");
         restore_times(tree / "a", before);
       }},
      {"one added at the top, the time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat(tree.c_str(), &before), 0);
         write(tree / "new", "x");
         restore_times(tree, before);
       }},
  };
}

std::vector<Edit> edits_of_entries() {
  return {
      {"one removed", [](const fs::path& tree) { fs::remove(tree / "a/two"); }},
      {"a folder removed", [](const fs::path& tree) { fs::remove_all(tree / "a"); }},
      {"a folder renamed", [](const fs::path& tree) { fs::rename(tree / "a/b", tree / "a/c"); }},
      {"other mode", [](const fs::path& tree) { chmod((tree / "README").c_str(), 0600); }},
      {"other mode of a folder", [](const fs::path& tree) { chmod((tree / "a").c_str(), 0700); }},
      {"other mode of the root", [](const fs::path& tree) { chmod(tree.c_str(), 0777); }},
      {"a file replaced by a link to the same bytes",
       [](const fs::path& tree) {
         fs::rename(tree / "README", tree.parent_path() / "elsewhere");
         fs::create_symlink("../elsewhere", tree / "README");
       }},
      {"a file replaced by a folder",
       [](const fs::path& tree) {
         fs::remove(tree / "README");
         fs::create_directory(tree / "README");
       }},
      {"a file replaced by a pipe",
       [](const fs::path& tree) {
         fs::remove(tree / "README");
         ASSERT_EQ(mkfifo((tree / "README").c_str(), 0644), 0);
       }},
      {"a folder replaced by a link",
       [](const fs::path& tree) {
         fs::rename(tree / "a/b", tree / "a/c");
         fs::create_symlink("c", tree / "a/b");
       }},
      {"a link that leads elsewhere",
       [](const fs::path& tree) {
         fs::remove(tree / "latest");
         fs::create_symlink("a/c", tree / "latest");
       }},
      {"a touched folder", [](const fs::path& tree) { utimensat(AT_FDCWD, (tree / "a/b").c_str(), nullptr, 0); }},
      {"a touched root", [](const fs::path& tree) { utimensat(AT_FDCWD, tree.c_str(), nullptr, 0); }},
      {"the whole tree removed", [](const fs::path& tree) { fs::remove_all(tree); }},
      {"the tree replaced by a file",
       [](const fs::path& tree) {
         fs::remove_all(tree);
         write(tree, "x");
       }},
  };
}

std::vector<Edit> all_edits() {
  std::vector<Edit> edits = edits_of_bytes();
  const std::vector<Edit> more = edits_of_entries();
  edits.insert(edits.end(), more.begin(), more.end());
  return edits;
}

void expect_as_committed(const PublishFixture& fixture, const char* what) {
  EXPECT_EQ(content(fixture.link / "README"), "hello\n") << what;
  EXPECT_EQ(content(fixture.link / "a/one"), "1111") << what;
  EXPECT_EQ(content(fixture.link / "a/two"), "2222") << what;
  EXPECT_EQ(content(fixture.link / "latest/three"), "3333") << what;
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(fixture.link / "README"))) << what;
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(fixture.link), fs::recursive_directory_iterator()), 7)
      << what;
}

TEST(EditedTree, IsFoundAtStartAndWrittenAnew) {
  for (const Edit& edit : all_edits()) {
    PublishFixture fixture;
    const ObjectId commit = fixture.trees.commit(tree_files());
    fixture.publish(commit);
    ASSERT_EQ(fixture.recover().commit, commit) << edit.what;
    edit.apply(fixture.tree(commit));
    const Standing standing = fixture.recover();
    EXPECT_EQ(standing.commit, std::nullopt) << edit.what;
    EXPECT_FALSE(standing.damage.empty()) << edit.what;
    EXPECT_EQ(standing.damaged_commit, commit) << edit.what;
    const PublishResult outcome = fixture.publish(commit);
    EXPECT_TRUE(outcome.changed) << edit.what;
    EXPECT_FALSE(outcome.reused) << edit.what;
    expect_as_committed(fixture, edit.what);
    EXPECT_EQ(fixture.recover().commit, commit) << edit.what;
    EXPECT_THAT(fixture.litter(), IsEmpty()) << edit.what;
  }
}

TEST(EditedTree, IsFoundAtTheNextPublish) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit(tree_files());
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  fixture.publish(first);
  write(fixture.tree(first) / "a/one", "XXXX");
  const PublishResult outcome = fixture.publish(second);
  EXPECT_EQ(outcome.previous, std::nullopt);
  EXPECT_EQ(outcome.replaced, first);
  const PublishResult back = fixture.publish(first);
  EXPECT_FALSE(back.reused);
  EXPECT_EQ(back.previous, second);
  expect_as_committed(fixture, "rollback");
}

TEST(EditedTree, WithoutARecordCountsAsDamaged) {
  for (const bool damaged : {false, true}) {
    PublishFixture fixture;
    const ObjectId commit = fixture.trees.commit(tree_files());
    fixture.publish(commit);
    const fs::path record = fixture.own() / "manifests" / commit.to_hex();
    if (damaged) {
      std::string bytes = content(record);
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      write(record, bytes);
    } else {
      fs::remove(record);
    }
    const Standing standing = fixture.recover();
    EXPECT_THAT(standing.damage, HasSubstr("record"));
    EXPECT_EQ(standing.damaged_commit, commit);
    EXPECT_FALSE(fixture.publish(commit).reused);
    expect_as_committed(fixture, "record");
  }
}

// ---- recovery ----

TEST(Recover, FindsNothingWhereNothingWasPublished) {
  PublishFixture fixture;
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.commit, std::nullopt);
  EXPECT_EQ(standing.damaged_commit, std::nullopt);
  EXPECT_THAT(standing.damage, IsEmpty());
  EXPECT_TRUE(fs::is_empty(fixture.data_dir));
}

TEST(Recover, NamesBothTrees) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  fixture.publish(first);
  fixture.publish(second);
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.commit, second);
  EXPECT_EQ(standing.previous, first);
  EXPECT_EQ(standing.symlinks, SymlinkPolicy::inside);
}

TEST(Recover, SweepsLitterOfDeadRuns) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::create_directories(fixture.own() / "trees/.tmp-0123/a/b");
  write(fixture.own() / "trees/.tmp-0123/a/b/c", "x");
  fs::create_directories(fixture.own() / "trees/.gone-0123/a");
  fs::permissions(fixture.own() / "trees/.gone-0123/a", fs::perms::none);
  fs::create_symlink("trees/x", fixture.own() / ".link-0123");
  write(fixture.own() / "manifests/.tmp-0123", "x");
  write(fixture.own() / "manifests" / std::string(40, 'a'), "x");
  const ObjectId half = *ObjectId::from_hex(std::string(40, 'b'));
  fs::create_directories(fixture.tree(half));
  write(fixture.own() / "trees/notes.txt", "mine");
  EXPECT_EQ(fixture.recover().commit, commit);
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_FALSE(fs::exists(fixture.own() / "manifests" / std::string(40, 'a')));
  EXPECT_FALSE(fs::exists(fixture.tree(half)));
  EXPECT_EQ(content(fixture.own() / "trees/notes.txt"), "mine");
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST(Recover, SaysWhenTheLinkIsMissingAndRelinkPutsItBack) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.link);
  EXPECT_FALSE(fixture.publisher->link_is_intact(commit));
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.link, Standing::LinkState::absent);
  EXPECT_EQ(standing.commit, std::nullopt);
  EXPECT_EQ(standing.damaged_commit, std::nullopt);
  EXPECT_THAT(standing.complete, ElementsAre(commit));
  fixture.relink(commit);
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST(Recover, RelinkRefusesATreeThatIsNotComplete) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  EXPECT_EQ(error_of([&] { fixture.relink(commit); }).error_class(), ErrorClass::storage);
  fixture.publish(commit);
  write(fixture.tree(commit) / "n", "2");
  EXPECT_THAT(error_of([&] { fixture.relink(commit); }).text(), HasSubstr("published again"));
}

TEST(Recover, TheLinkOfAnotherCommitIsNotIntact) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  fixture.publish(first);
  fixture.publish(second);
  EXPECT_FALSE(fixture.publisher->link_is_intact(first));
  fs::remove_all(fixture.tree(second));
  EXPECT_FALSE(fixture.publisher->link_is_intact(second));
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.damage, "the tree is missing");
  EXPECT_EQ(standing.damaged_commit, second);
  EXPECT_EQ(standing.previous, first);
}

TEST(Recover, RecordsThatAreMissingAreNotCalledAMissingTree) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove_all(fixture.own() / "manifests");
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.damage, "the records of the trees are missing");
  EXPECT_EQ(standing.damaged_commit, commit);
}

TEST(Recover, ALinkThatWasReadIsReadAgainOnceItWasTouched) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  // From now on the link's stamp says all about it.
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  EXPECT_FALSE(fixture.publisher->link_is_intact(*ObjectId::from_hex(std::string(40, 'a'))));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  const fs::path target = fs::read_symlink(fixture.link);
  fs::rename(fixture.tree(commit), fixture.own() / "away");
  EXPECT_FALSE(fixture.publisher->link_is_intact(commit));
  fs::rename(fixture.own() / "away", fixture.tree(commit));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  fs::remove(fixture.link);
  fs::create_symlink(".adapter/docs/trees/" + std::string(40, 'b'), fixture.link);
  EXPECT_FALSE(fixture.publisher->link_is_intact(commit));
  fs::remove(fixture.link);
  fs::create_symlink(target, fixture.link);
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
}

TEST(Recover, HealsALinkIntoOurTreesThatNamesNoCommit) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.link);
  fs::create_symlink(".adapter/docs/trees/garbage", fixture.link);
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.link, Standing::LinkState::ours);
  EXPECT_EQ(standing.damaged_commit, std::nullopt);
  EXPECT_THAT(standing.complete, ElementsAre(commit));
  EXPECT_TRUE(fixture.publish(commit).reused);
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
}

TEST(Recover, KeepsNotedTreesWhateverTheirAgeAndState) {
  PublishFixture fixture;
  std::vector<ObjectId> commits;
  for (const char* const number : {"1", "2", "3"}) {
    commits.push_back(fixture.trees.commit({{"n", number}}));
    fixture.publish(commits.back());
  }
  write(fixture.tree(commits[1]) / "n", "edited");
  const Standing standing = fixture.recover({{}, {commits[1]}});
  EXPECT_EQ(standing.commit, commits[2]);
  EXPECT_FALSE(standing.is_complete(commits[1]));
  EXPECT_TRUE(fs::exists(fixture.tree(commits[1])));
  fixture.recover();
  EXPECT_FALSE(fs::exists(fixture.tree(commits[1])));
}

TEST(RemoveAll, TakesLinkAndTreesAndNothingElse) {
  PublishFixture fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  write(fixture.data_dir / "other", "mine");
  fs::create_directories(fixture.data_dir / ".adapter/wiki/trees");
  wait_for(fixture.publisher->retire_all(at_once));
  EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.link)));
  EXPECT_FALSE(fs::exists(fixture.own()));
  EXPECT_TRUE(fs::exists(fixture.data_dir / ".adapter/wiki/trees"));
  EXPECT_EQ(content(fixture.data_dir / "other"), "mine");
  wait_for(fixture.publisher->retire_all(at_once));
}

}  // namespace
}  // namespace adapter::testing
