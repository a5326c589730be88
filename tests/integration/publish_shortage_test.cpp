// SPDX-License-Identifier: Apache-2.0
// Descriptors that run out, and calls that fail half-way: nothing is taken for gone, nothing temporary stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ShortOfDescriptors : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }

  /// Runs `action` again and again, each time with another open that fails, until it made fewer; `action` says whether
  /// what it found out is right. Errors must be of class storage.
  static void with_each_open_failing(const std::function<bool()>& action) {
    bool failed = true;
    for (int place = 0; failed; ++place) {
      failed = false;
      auto count = std::make_shared<int>(0);
      FileCalls::watch([&failed, count, place](const FileCall& call) {
        failed = failed || (call.name == "open" && *count == place);
        return call.name == "open" && (*count)++ == place ? EMFILE : 0;
      });
      try {
        EXPECT_TRUE(action()) << "open " << place;
      } catch (const Error& error) {
        EXPECT_EQ(error.error_class(), ErrorClass::storage) << place << ": " << error.text();
      }
      FileCalls::ignore();
      ASSERT_LT(place, 10'000);
    }
  }
};

TEST_F(ShortOfDescriptors, AStartTakesNothingForUnpublishedOrDamaged) {
  PublishFixture fixture(1, "sites/docs");
  const ObjectId commit = fixture.trees.commit({{"a/b/n", "1"}, {"c/n", "2"}});
  fixture.publish(commit);
  with_each_open_failing([&] { return fixture.recover().commit == commit; });
  EXPECT_EQ(fixture.recover().commit, commit);
}

TEST_F(ShortOfDescriptors, APublishTakesNoTreeForDamaged) {
  PublishFixture fixture(1);
  const ObjectId commit = fixture.trees.commit({{"a/b/n", "1"}, {"c/n", "2"}});
  fixture.publish(commit);
  with_each_open_failing([&] { return fixture.publish(commit).reused; });
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
}

TEST_F(ShortOfDescriptors, AFormerLinkIsNotTakenForRemoved) {
  PublishFixture fixture(1, "new");
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  const auto former = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "sites/docs", fixture.doubts);
  const fs::path link = fixture.data_dir / "sites/docs";
  with_each_open_failing([&] {
    if (!fs::is_symlink(link)) {
      wait_for(publish_in_steps(*former, fixture.trees.source(commit), {}));
    }
    EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("sites/docs")));
    return !fs::is_symlink(link);
  });
}

class BadPlace : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }
  PublishFixture fixture{1, "sites/docs"};
  ObjectId commit = fixture.trees.commit({{"a/n", "1"}, {"c/n", "2"}});

  /// From now on what `call` names cannot be read below `folder`, as after a bad sector.
  static void break_reading(const fs::path& folder, const std::string& call, const std::string& end, int error) {
    FileCalls::watch([=](const FileCall& seen) {
      return seen.name == call && seen.path.starts_with(folder.native()) && seen.path.ends_with(end) ? error : 0;
    });
  }
};

TEST_F(BadPlace, BelowThePublishedTreeIsItsDamageAndTheTreeIsWrittenAnew) {
  for (const int error : {EIO, EUCLEAN, EBADMSG}) {
    FileCalls::ignore();
    fixture.publish(commit);
    struct stat before{};
    ASSERT_EQ(stat(fixture.tree(commit).c_str(), &before), 0);
    break_reading(fixture.tree(commit), "open", "/a", error);
    const publish::Standing found = fixture.recover();
    EXPECT_FALSE(found.commit);
    EXPECT_EQ(found.damaged_commit, commit);
    EXPECT_THAT(found.damage, HasSubstr("cannot read a part of the tree"));
    // The damaged folder keeps its inode, and with it the bad place, under the name that it gets now.
    const publish::PublishResult outcome = fixture.publish(commit);
    EXPECT_TRUE(outcome.changed);
    FileCalls::ignore();
    struct stat after{};
    ASSERT_EQ(stat(fixture.tree(commit).c_str(), &after), 0);
    EXPECT_NE(before.st_ino, after.st_ino);
    EXPECT_EQ(content(fixture.link / "a/n"), "1");
    EXPECT_EQ(fixture.recover().commit, commit);
  }
}

TEST_F(BadPlace, InTheTreesTopFolderIsItsDamageToo) {
  fixture.publish(commit);
  break_reading(fixture.tree(commit), "open", commit.to_hex(), EIO);
  EXPECT_EQ(fixture.recover().damaged_commit, commit);
}

TEST_F(BadPlace, InTheWholeVolumeIsWaitedFor) {
  fixture.publish(commit);
  FileCalls::watch([](const FileCall& call) { return call.name == "open" ? EIO : 0; });
  EXPECT_EQ(error_of([&] { static_cast<void>(fixture.recover()); }).error_class(), ErrorClass::storage);
}

TEST_F(BadPlace, OfATreeThatIsNotShownKeepsIt) {
  fixture.publish(commit);
  const ObjectId next = fixture.trees.commit({{"a/n", "2"}});
  fixture.publish(next);
  break_reading(fixture.tree(commit), "open", "/a", EIO);
  EXPECT_EQ(fixture.recover().commit, next);
  FileCalls::ignore();
  EXPECT_TRUE(fs::exists(fixture.tree(commit)));
}

/// The rest of an old tree goes, and so do other trees.
TEST_F(BadPlace, InAnOldTreeKeepsOnlyWhatCannotBeReached) {
  fixture.publish(commit);
  fs::rename(fixture.tree(commit), fixture.tree(commit).parent_path() / ".gone-1");
  FileCalls::watch([](const FileCall& call) { return call.name == "unlink" && call.path.ends_with("/c/n") ? EIO : 0; });
  publish::KnownResidue known;
  EXPECT_TRUE(publish::delete_old_trees(fixture.data_dir, "docs", known, {}).complete);
  EXPECT_EQ(known.entries, 3U) << "c/n, c and the tree";
  EXPECT_FALSE(fs::exists(fixture.tree(commit).parent_path() / ".gone-1"));
  FileCalls::ignore();
  EXPECT_TRUE(publish::retry_residue(fixture.data_dir, "docs", known, {}).complete);
  EXPECT_EQ(known.entries, 0U);
}

TEST(FailedCalls, LeaveNoTemporaryLinkAndNoTemporaryFile) {
  PublishFixture fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  const ObjectId next = fixture.trees.commit({{"n", "2"}});
  FileCalls::watch(fail_once("rename", "/docs", EIO));
  EXPECT_EQ(error_of([&] { fixture.publish(next); }).error_class(), ErrorClass::storage);
  FileCalls::ignore();
  EXPECT_THAT(fixture.litter(), IsEmpty());

  const UniqueFd own = open_directory(fixture.own());
  for (const char* const call : {"rename", "fsync"}) {
    FileCalls::watch([call](const FileCall& made) { return made.name == call ? EIO : 0; });
    EXPECT_THROW(replace_file_at(own.get(), "state.json", "{}", 0600), Error);
    FileCalls::ignore();
    EXPECT_THAT(fixture.litter(), IsEmpty()) << call;
  }
}

/// POSIX has EPERM for unlink of a directory, where Linux says EISDIR; some file systems follow POSIX.
TEST(FailedCalls, UnlinkOfADirectoryMayAnswerEperm) {
  TemporaryFolder folder;
  fs::create_directories(folder.path() / "tree/a/b");
  write(folder.path() / "tree/a/b/file", "x");
  FileCalls::watch([](const FileCall& call) {
    return call.name == "unlink" && fs::is_directory(fs::symlink_status(call.path)) ? EPERM : 0;
  });
  const UniqueFd parent = open_directory(folder.path());
  remove_tree_at(parent.get(), "tree");
  FileCalls::ignore();
  EXPECT_FALSE(fs::exists(folder.path() / "tree"));
}

// ---- directories on a link's way ----

TEST(LinksWay, KeepsTheDirectoriesThatAUserMade) {
  PublishFixture fixture(2, "mine/made/docs");
  fs::create_directory(fixture.data_dir / "mine");
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("mine/made/docs")));
  EXPECT_TRUE(fs::exists(fixture.data_dir / "mine"));
  EXPECT_FALSE(fs::exists(fixture.data_dir / "mine/made"));
  EXPECT_TRUE(fs::is_empty(fixture.data_dir / ".adapter/.made"));
}

TEST(LinksWay, KeepsADirectoryThatAUserMadeAgain) {
  PublishFixture fixture(2, "sites/docs");
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  fs::rename(fixture.data_dir / "sites", fixture.data_dir / "elsewhere");
  fs::create_directory(fixture.data_dir / "sites");
  EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("sites/docs")));
  EXPECT_TRUE(fs::exists(fixture.data_dir / "sites"));
}

TEST(LinksWay, IsClearedByTheLastOfTwoRepositories) {
  PublishFixture fixture(2, "sites/docs");
  const auto other = publish::make_publisher(fixture.workers, fixture.data_dir, "blog", "sites/blog", fixture.doubts);
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  wait_for(publish_in_steps(*other, fixture.trees.source(commit), {}));
  wait_for(fixture.publisher->retire_all(at_once));
  EXPECT_TRUE(fs::exists(fixture.data_dir / "sites/blog"));
  wait_for(other->retire_all(at_once));
  EXPECT_FALSE(fs::exists(fixture.data_dir / "sites"));
}

}  // namespace
}  // namespace adapter::testing
