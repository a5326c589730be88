// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"

namespace {

std::atomic<bool> is_shut_down{false};

}  // namespace

/// As XFS answers once it has shut down, while fsync of a directory succeeds.
extern "C" int fstat(int fd, struct stat* info) {
  if (is_shut_down) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fstat, fd, info));
}

namespace adapter {
namespace {

TEST(CheckedFsync, SucceedsOnlyWhereTheFileCanBeLookedAt) {
  const UniqueFd folder = open_directory(std::filesystem::temp_directory_path());
  const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  fsync_folder(folder.get(), "folder");
  EXPECT_TRUE(fsync_folder_unless_read_only(folder.get(), "folder"));
  EXPECT_EQ(checked_fsync(file.get()), 0);
  is_shut_down = true;
  for (const auto& sync : {fsync_folder, fsync_fd}) {
    try {
      sync(folder.get(), "folder");
      ADD_FAILURE() << "it was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::storage);
      EXPECT_THAT(error.text(), testing::HasSubstr("Input/output error"));
    }
  }
  EXPECT_THROW(static_cast<void>(fsync_folder_unless_read_only(folder.get(), "folder")), Error);
  EXPECT_NE(checked_fsync(file.get()), 0);
  is_shut_down = false;
}

}  // namespace
}  // namespace adapter
