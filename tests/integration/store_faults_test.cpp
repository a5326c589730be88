// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "../support/file_calls.hpp"
#include "repository_jobs.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::ObjectId;
using adapter::testing::FileCall;
using adapter::testing::FileCalls;

namespace {

class StoreFaults : public StoreTest {
protected:
  void SetUp() override {
    origin.write("one", "1\n");
    tip = origin.commit("one");
    pack = origin.pack("HEAD");
  }
  void TearDown() override { FileCalls::ignore(); }

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

  template <class Work>
  static ErrorClass error_of(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.error_class();
    }
    return ErrorClass::config;
  }
  /// Nothing turns the loop between the last bytes and the keep.
  asio::awaitable<void> write_and_keep(std::unique_ptr<adapter::store::Ingest> transfer) {
    co_await transfer->write(pack);
    adapter::store::Tip kept;
    kept.ref = "refs/heads/main";
    kept.id = tip;
    kept.depth = 0;
    co_await store->accept(std::move(transfer), std::move(kept));
  }

  ObjectId tip;
  std::string pack;
};

TEST_F(StoreFaults, FoldersThatCannotBeSyncedAreNoError) {
  FileCalls::watch([](const FileCall& call) {
    return call.name == "fsync" && std::filesystem::is_directory(call.path) ? EINVAL : 0;
  });
  keep();
  expect_sound();
}

/// As ext4 answers once it has given up on its disk.
int read_only(const FileCall& call) {
  const bool makes = call.name == "mkdir" && !std::filesystem::exists(call.path);
  return makes || call.name == "fsync" || call.opens_for_writing() ? EROFS : 0;
}

TEST_F(StoreFaults, WhatIsKeptIsReadOnAVolumeThatBecameReadOnly) {
  keep();
  FileCalls::watch(read_only);
  open();
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
}

TEST_F(StoreFaults, ANewStoreIsNoneUntilItsFoldersAreDurable) {
  FileCalls::watch([](const FileCall& call) { return call.name == "fsync" ? EROFS : 0; });
  EXPECT_EQ(error_of([&] { open(); }), ErrorClass::storage);
}

TEST_F(StoreFaults, ATransferWhoseFileCannotBeOpenedIsNotTakenUnchecked) {
  open();
  int failed = 0;
  FileCalls::watch([&](const FileCall& call) {
    const bool ours = call.name == "open" && call.path.find("/incoming/") != std::string::npos &&
                      (call.flags & O_ACCMODE) == O_RDWR && (call.flags & O_CREAT) == 0 &&
                      (call.flags & O_NOFOLLOW) != 0;
    failed += ours ? 1 : 0;
    return ours ? EMFILE : 0;
  });
  EXPECT_EQ(refusal(pack, tip).error_class(), ErrorClass::storage);
  EXPECT_EQ(failed, 1);
  FileCalls::ignore();
  ingest(pack, tip);
  expect_sound();
}

TEST_F(StoreFaults, APackThatCannotBeOpenedNowIsNotSetAside) {
  keep();
  const std::string kept = kept_file(".pack");
  origin.write("two", "2\n");
  const ObjectId next = origin.commit("two");
  int failed = 0;
  FileCalls::watch([&](const FileCall& call) {
    // Not the look that comes first and does not read it through.
    const bool ours =
        call.name == "open" && call.path == kept && (call.flags & O_NOFOLLOW) != 0 && (call.flags & O_NONBLOCK) == 0;
    failed += ours ? 1 : 0;
    return ours ? EMFILE : 0;
  });
  std::string corrupt = origin.pack("HEAD");
  corrupt[corrupt.size() / 2] = static_cast<char>(corrupt[corrupt.size() / 2] ^ 1);
  EXPECT_EQ(refusal(corrupt, next).error_class(), ErrorClass::storage);
  EXPECT_EQ(failed, 1);
  FileCalls::ignore();
  EXPECT_EQ(pack_count(), 1U);
  expect_sound();
}

TEST_F(StoreFaults, APackThatCannotBeIndexedAgainNowIsNotSetAside) {
  keep();
  FileCalls::watch([](const FileCall& call) {
    return call.name == "mkdir" && call.path.find("/incoming/") != std::string::npos ? ENOSPC : 0;
  });
  try {
    adapter::store::check_packs(adapter::store::Layout(directory()), {});
    ADD_FAILURE() << "it was checked without a place for its index";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::storage) << error.text();
  }
  FileCalls::ignore();
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

TEST_F(StoreFaults, AKeptPackIsReadOnlyForAllWhateverTheUmask) {
  const mode_t before = umask(077);
  keep();
  umask(before);
  struct stat info{};
  ASSERT_EQ(stat(kept_file(".pack").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0444U);
}

/// The first job that indexes is slow: the keep must wait for it and not begin beside it on the other worker.
TEST_F(StoreFaults, AKeepWaitsForTheBytesThatAreBeingIndexed) {
  std::string noise(300'000, ' ');
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
  origin.write("noise", noise);
  tip = origin.commit("noise");
  pack = origin.pack("HEAD");
  ASSERT_GT(pack.size(), 256U * 1024U);
  ASSERT_LT(pack.size(), 512U * 1024U);
  open();
  int slowed = 0;
  FileCalls::watch([&](const FileCall& call) {
    if (slowed == 0 && call.name == "mkdir" && call.path.find("/incoming/") != std::string::npos) {
      ++slowed;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    return 0;
  });
  await(write_and_keep(store->begin()));
  EXPECT_EQ(slowed, 1);
  FileCalls::ignore();
  expect_sound();
}

TEST_F(StoreFaults, APackThatCannotBeReadNowIsNoMissingObject) {
  keep();
  const std::string kept = kept_file(".pack");
  FileCalls::watch([&](const FileCall& call) {
    // Not the look that comes first and does not read it through.
    return call.name == "open" && call.path == kept && (call.flags & O_NONBLOCK) == 0 ? EMFILE : 0;
  });
  EXPECT_EQ(error_of([&] { await(store->verify(tip)); }), ErrorClass::storage);
  EXPECT_EQ(error_of([&] { await(store->open()); }), ErrorClass::storage);
  FileCalls::ignore();
  open();
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
  expect_sound();
}

TEST_F(StoreFaults, ARecordThatCannotBeReadNowIsNotAnEmptyOne) {
  keep();
  for (const std::string name : {"packed-refs", "adapter-depth"}) {
    for (const int error : {EIO, EMFILE}) {
      const std::string path = directory() / "repo.git" / name;
      const std::string before = read_whole(path);
      FileCalls::watch([&](const FileCall& call) { return call.name == "open" && call.path == path ? error : 0; });
      EXPECT_EQ(error_of([&] { await(store->open()); }), ErrorClass::storage) << name;
      FileCalls::ignore();
      EXPECT_EQ(read_whole(path), before);
    }
  }
  open();
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
  expect_sound();
}

TEST_F(StoreFaults, ACancelledOpenForgetsNoTip) {
  keep();
  std::stop_source stop;
  stop.request_stop();
  const adapter::store::Layout layout(directory());
  EXPECT_EQ(error_of([&] { static_cast<void>(adapter::store::open_repository(layout, stop.get_token())); }),
            ErrorClass::cancelled);
  EXPECT_EQ(error_of([&] { static_cast<void>(adapter::store::verify_held(layout, tip, {}, true, stop.get_token())); }),
            ErrorClass::cancelled);
  open();
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
}

}  // namespace
