// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <set>
#include <thread>

#include "temporary_directory.hpp"

namespace adapter {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

/// The Error that `call` throws.
template <class Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorClass::cancelled, "nothing was thrown");
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

TEST(UniqueFd, ClosesOnceAndMoves) {
  const TemporaryDirectory folder;
  UniqueFd first = open_directory(folder.path());
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  second = open_directory(folder.path());
  EXPECT_FALSE(is_open(number));
  const int last = second.get();
  second.reset();
  EXPECT_FALSE(is_open(last));
  EXPECT_FALSE(second);
}

TEST(StorageError, SaysWhatFailedWhereAndWhyAndEscapesThePath) {
  const Error error = storage_error(ENOSPC, "rename", "a\nb");
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(error.text(), HasSubstr("cannot rename a\\x0Ab: No space left on device"));
  EXPECT_THAT(error.text(), HasSubstr("ENOSPC"));
}

TEST(OpenDirectory, FollowsNoLinkAtTheEndAndClosesOnExec) {
  const TemporaryDirectory folder;
  EXPECT_TRUE(ensure_directory_at(folder.fd(), "real", 0755));
  std::filesystem::create_symlink("real", folder.path() / "link");
  const UniqueFd real = open_directory_at(folder.fd(), "real");
  EXPECT_NE(fcntl(real.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(error_of([&] { static_cast<void>(open_directory_at(folder.fd(), "link")); }).error_class(),
            ErrorClass::storage);
  EXPECT_EQ(error_of([&] { static_cast<void>(open_directory(folder.path() / "link")); }).error_class(),
            ErrorClass::storage);
  EXPECT_THAT(error_of([&] { static_cast<void>(open_directory(folder.path() / "none")); }).text(), HasSubstr("ENOENT"));
}

TEST(EnsureDirectory, TakesADirectoryAndNothingElse) {
  const TemporaryDirectory folder;
  EXPECT_TRUE(ensure_directory_at(folder.fd(), "new", 0700));
  EXPECT_FALSE(ensure_directory_at(folder.fd(), "new", 0700));
  std::filesystem::create_symlink("new", folder.path() / "link");
  folder.write("file", "x");
  for (const std::string name : {"link", "file"}) {
    EXPECT_THAT(error_of([&] { ensure_directory_at(folder.fd(), name, 0700); }).text(), HasSubstr("something else"));
  }
  EXPECT_THAT(error_of([&] { ensure_directory_at(folder.fd(), "a/b", 0700); }).text(), HasSubstr("ENOENT"));
}

TEST(ReadFile, ReadsUpToItsLimit) {
  const TemporaryDirectory folder;
  const std::string bytes(100'000, 'x');
  folder.write("file", bytes);
  EXPECT_EQ(read_file(folder.path() / "file", bytes.size()), bytes);
  EXPECT_EQ(read_file_at(folder.fd(), "file", 1'000'000), bytes);
  const Error error = error_of([&] { static_cast<void>(read_file(folder.path() / "file", bytes.size() - 1)); });
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_THAT(error.text(), HasSubstr("is larger than 99999 bytes"));
  folder.write("empty", "");
  EXPECT_EQ(read_file_at(folder.fd(), "empty", 0), "");
}

TEST(ReadFile, RefusesAFifoWithoutWaitingForAWriter) {
  const TemporaryDirectory folder;
  ASSERT_EQ(mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
  for (const bool by_path : {true, false}) {
    const Error error = error_of([&] {
      static_cast<void>(by_path ? read_file(folder.path() / "fifo", 10) : read_file_at(folder.fd(), "fifo", 10));
    });
    EXPECT_EQ(error.error_class(), ErrorClass::storage);
    EXPECT_THAT(error.text(), HasSubstr("it is not a regular file"));
  }
}

TEST(ReadFile, RefusesFoldersDevicesAndWhatIsNotThere) {
  const TemporaryDirectory folder;
  EXPECT_THAT(error_of([&] { static_cast<void>(read_file(folder.path(), 10)); }).text(),
              HasSubstr("it is a directory, not a file, and empty: Docker creates such a directory when"));
  folder.write("file", "");
  const std::string text = error_of([&] { static_cast<void>(read_file(folder.path(), 10)); }).text();
  EXPECT_THAT(text, HasSubstr("it is a directory, not a file; correct the path"));
  EXPECT_THAT(text, Not(HasSubstr("remove")));
  ASSERT_TRUE(ensure_directory_at(folder.fd(), "of-ours", 0755));
  EXPECT_THAT(error_of([&] { static_cast<void>(read_file_at(folder.fd(), "of-ours", 10)); }).text(),
              Not(HasSubstr("Docker")));
  EXPECT_THAT(error_of([] { static_cast<void>(read_file("/dev/zero", 10)); }).text(), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([&] { static_cast<void>(read_file(folder.path() / "none", 10)); }).text(), HasSubstr("ENOENT"));
}

TEST(ReadFile, FollowsALinkByPathButNotInAFolderOfOurs) {
  const TemporaryDirectory folder;
  folder.write("file", "secret");
  std::filesystem::create_symlink("file", folder.path() / "link");
  EXPECT_EQ(read_file(folder.path() / "link", 10), "secret");
  EXPECT_EQ(error_of([&] { static_cast<void>(read_file_at(folder.fd(), "link", 10)); }).error_class(),
            ErrorClass::storage);
}

TEST(ReplaceFile, LeavesTheNewContentAndNothingElse) {
  const TemporaryDirectory folder;
  replace_file_at(folder.fd(), "state", "one", 0600);
  replace_file_at(folder.fd(), "state", "second", 0600);
  EXPECT_EQ(read_file_at(folder.fd(), "state", 100), "second");
  EXPECT_EQ(folder.count(), 1U);
  EXPECT_EQ(std::filesystem::status(folder.path() / "state").permissions(), std::filesystem::perms{0600});
}

TEST(ReplaceFile, ReplacesALinkAndNotWhatItPointsTo) {
  const TemporaryDirectory folder;
  folder.write("target", "kept");
  std::filesystem::create_symlink("target", folder.path() / "state");
  replace_file_at(folder.fd(), "state", "new", 0600);
  EXPECT_EQ(read_file_at(folder.fd(), "target", 100), "kept");
  EXPECT_EQ(read_file_at(folder.fd(), "state", 100), "new");
}

TEST(ReplaceFile, KeepsTheOldOneAndNoLitterWhenItFails) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(ensure_directory_at(folder.fd(), "state", 0700));
  folder.write("state/inside", "kept");
  const Error error = error_of([&] { replace_file_at(folder.fd(), "state", "new", 0600); });
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(error.text(), HasSubstr("cannot replace state"));
  EXPECT_EQ(read_file(folder.path() / "state/inside", 100), "kept");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(ReplaceFile, ShowsReadersEitherContentWhole) {
  const TemporaryDirectory folder;
  const std::string first(20'000, 'a');
  const std::string second(30'000, 'b');
  replace_file_at(folder.fd(), "state", first, 0600);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 40; ++i) {
      replace_file_at(folder.fd(), "state", i % 2 == 0 ? second : first, 0600);
    }
    done = true;
  });
  int torn = 0;
  while (!done) {
    const std::string seen = read_file_at(folder.fd(), "state", 100'000);
    torn += seen != first && seen != second ? 1 : 0;
  }
  writer.join();
  EXPECT_EQ(torn, 0);
}

TEST(WriteAll, SaysWhyTheDeviceRefused) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  EXPECT_THAT(error_of([&] { write_all(full.get(), "x", "state"); }).text(), HasSubstr("cannot write state"));
}

TEST(UniqueName, IsDifferentEachTime) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) {
    names.insert(unique_name(".tmp-"));
  }
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_THAT(*names.begin(), ::testing::MatchesRegex("\\.tmp-[0-9a-f]+"));
  EXPECT_EQ(names.begin()->size(), 5U + 16U);
}

}  // namespace
}  // namespace adapter
