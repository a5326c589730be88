// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::EntryKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A volume that does not hold what the tests say, by the calls of this program.
class UnfitVolume : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }

  /// Each `call` of a path that ends so fails.
  static void refuse(const std::string& call, const std::string& path_end, int error) {
    FileCalls::watch(
        [=](const FileCall& made) { return made.name == call && made.path.ends_with(path_end) ? error : 0; });
  }

  /// Publishes after a good commit; the link stays at that one, and nothing of the other is left.
  Error refused(const std::vector<MemoryFile>& files) {
    const ObjectId commit = fixture_.trees.commit(files);
    const Error error = error_of([&] { fixture_.publish(commit); });
    FileCalls::ignore();
    EXPECT_TRUE(fixture_.publisher->link_is_intact(good_));
    EXPECT_THAT(fixture_.litter(), IsEmpty());
    return error;
  }

  static void expect_policy(const Error& error, const std::string& path) {
    EXPECT_EQ(error.error_class(), ErrorClass::policy) << error.text();
    EXPECT_FALSE(error.retryable());
    EXPECT_THAT(error.text(), HasSubstr(path));
    EXPECT_THAT(error.text(), HasSubstr("rename it in the repository, or put data_dir on a volume"));
  }

  PublishFixture fixture_;
  ObjectId good_ = [this] {
    const ObjectId commit = fixture_.trees.commit({{"n", "1"}});
    fixture_.publish(commit);
    return commit;
  }();
};

TEST_F(UnfitVolume, RefusesACommitWhoseNamesItDoesNotTake) {
  for (const int error : {EINVAL, EILSEQ, ENAMETOOLONG}) {
    refuse("open", "a/what?", error);
    expect_policy(refused({{"a/what?", "x"}, {"b", "x"}}), "a/what?");
    refuse("mkdir", "a/what?", error);
    expect_policy(refused({{"a/what?/b", "x"}}), "a/what?");
    refuse("symlink", "a/what?", error);
    expect_policy(refused({{"a/what?", "b", EntryKind::symlink}}), "a/what?");
  }
}

TEST_F(UnfitVolume, RefusesACommitWithMoreFoldersOrWithLinksThatItDoesNotHold) {
  refuse("mkdir", "a/b", EMLINK);
  expect_policy(refused({{"a/b/c", "x"}}), "a/b");
  refuse("symlink", "a/b", EPERM);
  expect_policy(refused({{"a/b", "c", EntryKind::symlink}}), "a/b");
}

/// Makes a second name of the first file just before the second is made: so a volume looks that ignores case.
void ignore_case(const std::string& call) {
  FileCalls::watch([call](const FileCall& made) {
    if (made.name == call && made.path.ends_with("/readme")) {
      const fs::path first = fs::path(made.path).parent_path() / "README";
      EXPECT_EQ(::link(first.c_str(), made.path.c_str()), 0);
    }
    return 0;
  });
}

TEST_F(UnfitVolume, RefusesTwoNamesThatItTakesForOne) {
  for (const EntryKind second : {EntryKind::file, EntryKind::symlink}) {
    ignore_case(second == EntryKind::file ? "open" : "symlink");
    const Error error = refused({{"a/README", "x"}, {"a/readme", "x", second}});
    expect_policy(error, "a/readme");
    EXPECT_THAT(error.text(), HasSubstr("takes this name for a/README"));
  }
}

TEST_F(UnfitVolume, IsNotBlamedForWhatSomebodyElseMade) {
  FileCalls::watch([](const FileCall& made) {
    if (made.name == "open" && made.path.ends_with("/readme")) {
      const UniqueFd foreign(open(made.path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644));
      EXPECT_TRUE(foreign);
    }
    return 0;
  });
  const Error error = refused({{"a/README", "x"}, {"a/readme", "x"}});
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_TRUE(error.retryable());
  EXPECT_THAT(error.text(), HasSubstr("a/readme: it is there already; something else writes"));
}

TEST_F(UnfitVolume, OtherErrorsOfItsOwnAreTriedAgain) {
  for (const int error : {EIO, EACCES, EPERM, EMFILE}) {
    refuse("open", "a/b", error);
    EXPECT_EQ(refused({{"a/b", "x"}}).error_class(), ErrorClass::storage) << error;
  }
}

}  // namespace
}  // namespace adapter::testing
