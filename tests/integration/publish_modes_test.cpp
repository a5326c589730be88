// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"
#include "adapter/publish/data_directory_lock.hpp"

namespace adapter::testing {
namespace {

using ::testing::IsEmpty;

mode_t mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

/// In a child that modes apply to: root may do everything.
template <class Body>
void as_somebody(const fs::path& folder, Body body) {
  constexpr uid_t somebody = 1000;
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 &&
        (chown(folder.c_str(), somebody, somebody) != 0 || setgid(somebody) != 0 || setuid(somebody) != 0)) {
      _exit(2);
    }
    body();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

void expect_shared(const fs::path& data_dir) {
  for (const char* const path : {"", ".adapter", ".adapter/docs", ".adapter/docs/trees"}) {
    EXPECT_EQ(mode_of(data_dir / path), 0755U) << path;
  }
  EXPECT_EQ(mode_of(data_dir / ".adapter/docs/manifests"), 0700U);
}

TEST(Modes, OfOurFoldersDoNotDependOnTheUmask) {
  for (const mode_t mask : {077U, 0U}) {
    TemporaryFolder folder;
    const fs::path data_dir = folder.path() / "new/data";
    const mode_t before = umask(mask);
    {
      const publish::DataDirectoryLock lock(data_dir);
      PublishFixture fixture(2, "docs", data_dir);
      fixture.publish(fixture.trees.commit({{"n", "1"}}));
    }
    umask(before);
    expect_shared(data_dir);
    EXPECT_EQ(mode_of(data_dir.parent_path()), 0755U);
  }
}

TEST(Modes, OfOurFoldersArePutRight) {
  TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  PublishFixture fixture(2, "docs", folder.path());
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  const auto spoil = [&](mode_t mode) {
    for (const fs::path& path : {fixture.own() / "trees", fixture.own(), fixture.own().parent_path()}) {
      ASSERT_EQ(chmod(path.c_str(), mode), 0);
    }
  };
  fixture.publish(commit);
  spoil(0700);
  const publish::DataDirectoryLock lock(folder.path());
  EXPECT_EQ(mode_of(fixture.own().parent_path()), 0755U);
  spoil(0777);
  fixture.publish(commit);
  expect_shared(folder.path());
  spoil(0700);
  fixture.recover();
  expect_shared(folder.path());
}

/// As `chmod -R 644` does it: nothing in the tree can be looked up any more.
void take_search_permission(const fs::path& tree) {
  ASSERT_EQ(chmod((tree / "a/b").c_str(), 0644), 0);
  ASSERT_EQ(chmod((tree / "a").c_str(), 0644), 0);
}

const std::vector<MemoryFile> deep_files = {{"top", "1"}, {"a/one", "1"}, {"a/b/two", "2"}};

TEST(Modes, APublishedTreeThatCannotBeSearchedIsWrittenAnew) {
  TemporaryFolder folder;
  as_somebody(folder.path(), [&] {
    for (const bool root_too : {false, true}) {
      PublishFixture fixture(2, "docs", folder.path());
      const ObjectId commit = fixture.trees.commit(deep_files);
      fixture.publish(commit);
      take_search_permission(fixture.tree(commit));
      if (root_too) {
        ASSERT_EQ(chmod(fixture.tree(commit).c_str(), 0644), 0);
      }
      EXPECT_EQ(fixture.recover().damaged_commit, commit);
      EXPECT_FALSE(fixture.publish(commit).reused);
      EXPECT_EQ(content(fixture.link / "a/b/two"), "2");
      fixture.clean_up();
      EXPECT_THAT(fixture.litter(), IsEmpty());
    }
  });
}

TEST(Modes, APreviousTreeThatCannotBeSearchedIsRemoved) {
  for (const mode_t mode : {0644U, 0U}) {
    TemporaryFolder folder;
    as_somebody(folder.path(), [&] {
      PublishFixture fixture(2, "docs", folder.path());
      const ObjectId first = fixture.trees.commit(deep_files);
      const ObjectId second = fixture.trees.commit({{"n", "2"}});
      fixture.publish(first);
      fixture.publish(second);
      take_search_permission(fixture.tree(first));
      ASSERT_EQ(chmod(fixture.tree(first).c_str(), mode), 0);
      const publish::Standing standing = fixture.recover();
      EXPECT_EQ(standing.commit, second);
      EXPECT_EQ(standing.previous, std::nullopt);
      EXPECT_FALSE(fs::exists(fixture.tree(first)));
      EXPECT_THAT(fixture.litter(), IsEmpty());
    });
  }
}

TEST(Modes, TakenFromAllOurFoldersComeBack) {
  TemporaryFolder folder;
  as_somebody(folder.path(), [&] {
    PublishFixture fixture(2, "docs", folder.path());
    const ObjectId first = fixture.trees.commit({{"n", "1"}});
    const ObjectId second = fixture.trees.commit({{"n", "2"}});
    fixture.publish(first);
    fixture.publish(second);
    for (const fs::path& path :
         {fixture.own() / "trees", fixture.own() / "manifests", fixture.own(), fixture.own().parent_path()}) {
      ASSERT_EQ(chmod(path.c_str(), 0644), 0);
    }
    const publish::Standing standing = fixture.recover();
    EXPECT_EQ(standing.commit, second);
    EXPECT_EQ(standing.previous, first);
  });
}

}  // namespace
}  // namespace adapter::testing
