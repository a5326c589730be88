// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "adapter/base/file.hpp"
#include "adapter/base/remove_tree.hpp"
#include "temporary_directory.hpp"

namespace adapter {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

/// At most `descriptors` may be open as long as this lives.
class DescriptorLimit {
public:
  explicit DescriptorLimit(rlim_t descriptors) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = descriptors;
    setrlimit(RLIMIT_NOFILE, &lower);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

TEST(RemoveTree, RemovesFilesFoldersAndLinksAndMindsNoAbsence) {
  const TemporaryDirectory folder;
  fs::create_directories(folder.path() / "tree/a/b");
  folder.write("tree/file", "x");
  folder.write("tree/a/b/file", "x");
  ASSERT_EQ(mkfifo((folder.path() / "tree/fifo").c_str(), 0600), 0);
  folder.write("kept", "x");
  remove_tree_at(folder.fd(), "tree");
  remove_tree_at(folder.fd(), "tree");
  EXPECT_FALSE(fs::exists(folder.path() / "tree"));
  EXPECT_EQ(folder.count(), 1U);
  remove_tree_at(folder.fd(), "kept");
  EXPECT_EQ(folder.count(), 0U);
}

/// What `act` returns in a child that has mounts of its own, with `what` mounted at `place`.
int with_mount(const fs::path& what, const fs::path& place, const std::function<int()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    const uid_t user = geteuid();
    const bool mounted = seteuid(0) == 0 && unshare(CLONE_NEWNS) == 0 &&
                         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         mount(what.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0 && seteuid(user) == 0;
    _exit(mounted ? act() : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A bind mount has the same device as what it lies in.
TEST(RemoveTree, NeverEntersAMount) {
  if (geteuid() != 0) {
    return;  // mounting needs root
  }
  for (const mode_t mode : {0755U, 0U}) {
    const TemporaryDirectory outside;
    outside.write("kept", "x");
    const TemporaryDirectory folder;
    fs::create_directories(folder.path() / "tree/site/uploads");
    folder.write("tree/site/page", "x");
    ASSERT_EQ(chmod(outside.path().c_str(), mode), 0);
    const int result = with_mount(outside.path(), folder.path() / "tree/site/uploads", [&] {
      const UniqueFd parent = open_directory(folder.path());  // folder.fd() leads to the mounts of the parent process
      const Leftovers left = remove_what_may_go_at(parent.get(), "tree");
      const bool as_expected = left.entries == 3 && left.error_number == EBUSY && left.path == "tree/site/uploads" &&
                               !fs::exists(folder.path() / "tree/site/page");
      return as_expected ? 0 : 1;
    });
    EXPECT_EQ(result, 0) << mode;
    struct stat info{};
    ASSERT_EQ(stat(outside.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, mode);
    ASSERT_EQ(chmod(outside.path().c_str(), 0755), 0);
    EXPECT_EQ(outside.count(), 1U);
    remove_tree_at(folder.fd(), "tree");
    EXPECT_EQ(folder.count(), 0U);
  }
}

TEST(RemoveTree, NeverFollowsALink) {
  const TemporaryDirectory outside;
  outside.write("kept", "x");
  const TemporaryDirectory folder;
  fs::create_directories(folder.path() / "tree/a");
  fs::create_symlink(outside.path(), folder.path() / "tree/a/link");
  fs::create_symlink(outside.path(), folder.path() / "link");
  fs::create_symlink("..", folder.path() / "tree/a/up");
  fs::create_symlink(outside.path() / "kept", folder.path() / "tree/file-link");
  remove_tree_at(folder.fd(), "tree");
  remove_tree_at(folder.fd(), "link");
  EXPECT_EQ(folder.count(), 0U);
  EXPECT_EQ(outside.count(), 1U);
  EXPECT_NE(fs::status(outside.path()).permissions() & fs::perms::owner_all, fs::perms::none);
}

TEST(RemoveTree, RemovesFoldersWithoutPermissions) {
  for (const unsigned mode : {0000U, 0100U, 0200U, 0300U, 0400U, 0500U, 0600U}) {
    const TemporaryDirectory folder;
    fs::create_directories(folder.path() / "tree/a/b");
    folder.write("tree/a/file", "x");
    folder.write("tree/a/b/file", "x");
    for (const std::string name : {"tree/a/b", "tree/a", "tree"}) {
      ASSERT_EQ(chmod((folder.path() / name).c_str(), mode), 0);
    }
    remove_tree_at(folder.fd(), "tree");
    EXPECT_EQ(folder.count(), 0U) << std::oct << mode;
  }
}

TEST(RemoveTree, SaysWhatItMayNotRemove) {
  const TemporaryDirectory folder;
  fs::create_directories(folder.path() / "closed/tree");
  const UniqueFd closed = open_directory(folder.path() / "closed");
  ASSERT_EQ(chmod((folder.path() / "closed").c_str(), 0500), 0);
  try {
    remove_tree_at(closed.get(), "tree");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::storage);
    EXPECT_THAT(error.text(), ::testing::HasSubstr("cannot remove tree: Permission denied"));
  }
  EXPECT_TRUE(fs::exists(folder.path() / "closed/tree")) << "the folder it is in is not ours to change";
  ASSERT_EQ(chmod((folder.path() / "closed").c_str(), 0700), 0);
}

TEST(RemoveTree, NeedsFewDescriptorsHoweverDeepTheTree) {
  const TemporaryDirectory folder;
  constexpr int depth = 300;
  ASSERT_TRUE(ensure_directory_at(folder.fd(), "tree", 0700));
  UniqueFd at = open_directory_at(folder.fd(), "tree");
  for (int i = 0; i < depth; ++i) {
    ASSERT_TRUE(ensure_directory_at(at.get(), "d", 0700));
    if (i % 100 == 0) {
      replace_file_at(at.get(), "file", "x", 0600);
    }
    at = open_directory_at(at.get(), "d");
  }
  at.reset();
  const DescriptorLimit limit(120);
  remove_tree_at(folder.fd(), "tree");
  EXPECT_EQ(folder.count(), 0U);
}

TEST(RemoveTree, RemovesMoreEntriesThanItReadsAtOnce) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(ensure_directory_at(folder.fd(), "tree", 0700));
  const UniqueFd tree = open_directory_at(folder.fd(), "tree");
  for (int i = 0; i < 1100; ++i) {
    const UniqueFd file(openat(tree.get(), std::to_string(i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
  }
  remove_tree_at(folder.fd(), "tree");
  EXPECT_EQ(folder.count(), 0U);
}

}  // namespace
}  // namespace adapter
