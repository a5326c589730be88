// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <functional>
#include <string>

#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::ObjectId;

namespace {

/// System calls of the program that fail, here and in the libraries it links.
struct Faults {
  std::function<int(const std::string& path, int flags)> open;  ///< errno, or 0 to go on
  bool no_folder_syncs = false;
};

Faults& faults() {
  static Faults all;
  return all;
}

int open_or_fail(const char* path, int flags, unsigned mode) {
  if (const int failure = faults().open ? faults().open(path, flags) : 0; failure != 0) {
    errno = failure;
    return -1;
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

}  // namespace

// The C library's names for the same, by the width of file sizes.
extern "C" int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return open_or_fail(path, flags, mode);
}

extern "C" int fsync(int fd) {
  struct stat info{};
  if (faults().no_folder_syncs && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace {

class StoreFaults : public StoreTest {
protected:
  void SetUp() override {
    origin.write("one", "1\n");
    tip = origin.commit("one");
    pack = origin.pack("HEAD");
  }
  void TearDown() override { faults() = Faults(); }

  void keep() {
    open();
    ingest(pack, tip);
  }
  [[nodiscard]] std::filesystem::path packs() const { return directory() / "repo.git/objects/pack"; }
  [[nodiscard]] std::filesystem::path kept_file(const std::string& extension) const {
    for (const auto& entry : std::filesystem::directory_iterator(packs())) {
      if (entry.path().extension() == extension) {
        return entry.path();
      }
    }
    return {};
  }

  ObjectId tip;
  std::string pack;
};

TEST_F(StoreFaults, FoldersThatCannotBeSyncedAreNoError) {
  faults().no_folder_syncs = true;
  keep();
  expect_sound();
}

TEST_F(StoreFaults, ATransferWhoseFileCannotBeOpenedIsNotTakenUnchecked) {
  open();
  int failed = 0;
  faults().open = [&](const std::string& path, int flags) {
    const bool ours = path.find("/incoming/") != std::string::npos && (flags & O_ACCMODE) == O_RDWR &&
                      (flags & O_CREAT) == 0 && (flags & O_NOFOLLOW) != 0;
    failed += ours ? 1 : 0;
    return ours ? EMFILE : 0;
  };
  EXPECT_EQ(refusal(pack, tip).error_class(), ErrorClass::storage);
  EXPECT_EQ(failed, 1);
  faults() = Faults();
  ingest(pack, tip);
  expect_sound();
}

TEST_F(StoreFaults, APackThatCannotBeOpenedNowIsNotSetAside) {
  keep();
  const std::string kept = kept_file(".pack");
  origin.write("two", "2\n");
  const ObjectId next = origin.commit("two");
  int failed = 0;
  faults().open = [&](const std::string& path, int flags) {
    // Not the look that comes first and does not read it through.
    const bool ours = path == kept && (flags & O_NOFOLLOW) != 0 && (flags & O_NONBLOCK) == 0;
    failed += ours ? 1 : 0;
    return ours ? EMFILE : 0;
  };
  std::string corrupt = origin.pack("HEAD");
  corrupt[corrupt.size() / 2] = static_cast<char>(corrupt[corrupt.size() / 2] ^ 1);
  EXPECT_EQ(refusal(corrupt, next).error_class(), ErrorClass::storage);
  EXPECT_EQ(failed, 1);
  faults() = Faults();
  EXPECT_EQ(pack_count(), 1U);
  expect_sound();
}

TEST_F(StoreFaults, WhatIsNoPackUnderAPacksNameIsSetAside) {
  for (const char* const extension : {".pack", ".idx"}) {
    for (const bool is_folder : {false, true}) {
      keep();
      const auto path = kept_file(extension);
      std::filesystem::rename(path, directory() / "moved");
      if (is_folder) {
        std::filesystem::create_directories(path / "full");
      } else {
        std::filesystem::create_symlink(directory() / "moved", path);
      }
      // The place aside is taken by something of another kind.
      std::filesystem::create_directories(directory() / "repo.git/damaged" / path.filename() / "full");
      open();
      EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path))) << extension << is_folder;
      ingest(pack, tip);
      expect_sound();
      std::filesystem::remove_all(directory());
    }
  }
}

TEST_F(StoreFaults, OurFoldersHaveTheirModesWhateverTheUmask) {
  const auto mode_of = [](const std::filesystem::path& path) {
    struct stat info{};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777U;
  };
  for (const mode_t mask : {077U, 0U}) {
    const mode_t before = umask(mask);
    open();
    umask(before);
    EXPECT_EQ(mode_of(directory()), 0755U);
    for (const char* const name : {"incoming", "repo.git", "repo.git/objects"}) {
      EXPECT_EQ(mode_of(directory() / name), 0700U) << name;
    }
    for (const char* const name : {"repo.git/objects", "repo.git", "incoming"}) {
      ASSERT_EQ(chmod((directory() / name).c_str(), 0644), 0);
    }
    ASSERT_EQ(chmod(directory().c_str(), 0700), 0);
    open();
    EXPECT_EQ(mode_of(directory()), 0755U);
    EXPECT_EQ(mode_of(directory() / "repo.git/objects"), 0700U);
    std::filesystem::remove_all(directory());
  }
}

}  // namespace
