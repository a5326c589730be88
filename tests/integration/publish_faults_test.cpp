// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace {

/// What the program's fsync answers, here and in the libraries it links.
struct Faults {
  std::mutex mutex;
  std::string failing;  ///< the end of the path whose next fsync fails
  int failure = 0;
  bool no_folder = false;           ///< every folder answers EINVAL, as some network file systems do
  std::vector<std::string> synced;  ///< in this order

  int answer(int fd) {
    std::array<char, 4096> path{};
    const std::string self = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = readlink(self.c_str(), path.data(), path.size());
    const std::string name(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::lock_guard lock(mutex);
    synced.push_back(name);
    if (failure != 0 && name.ends_with(failing)) {
      return std::exchange(failure, 0);
    }
    return no_folder && std::filesystem::is_directory(name) ? EINVAL : 0;
  }

  void reset() {
    const std::lock_guard lock(mutex);
    failure = 0;
    no_folder = false;
    synced.clear();
  }
};

Faults& faults() {
  static Faults all;
  return all;
}

}  // namespace

extern "C" int fsync(int fd) {
  if (const int failure = faults().answer(fd); failure != 0) {
    errno = failure;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace adapter::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;

class FailingSync : public ::testing::Test {
protected:
  void TearDown() override { faults().reset(); }
  static void fail_next(const std::string& path_end) {
    faults().reset();
    faults().failing = path_end;
    faults().failure = EIO;
  }
};

TEST_F(FailingSync, OfTheLinksFolderIsMadeUpForByTheNextPublishAndRelink) {
  PublishFixture fixture(2, "sites/docs");
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  const std::string sites = (fixture.data_dir / "sites").native();
  fixture.publish(first);
  fail_next("/sites");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  faults().reset();
  EXPECT_TRUE(fixture.publish(second).reused);
  EXPECT_THAT(faults().synced, Contains(sites));
  faults().reset();
  wait_for(fixture.publisher->relink(second));
  EXPECT_THAT(faults().synced, Contains(sites));
}

TEST_F(FailingSync, OfTheTreesNamesLeavesNoneThatCountsAsComplete) {
  PublishFixture fixture;
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  fixture.publish(first);
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  EXPECT_EQ(fixture.recover().commit, first);
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  EXPECT_FALSE(fixture.publish(second).reused);
  EXPECT_EQ(content(fixture.link / "n"), "2");
}

TEST_F(FailingSync, OfATreeWrittenAnewNeverLeavesTheLinkDangling) {
  PublishFixture fixture;
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  fixture.publish(commit);
  write(fixture.tree(commit) / "n", "other");
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::storage);
  EXPECT_EQ(content(fixture.link / "n"), "1");
  EXPECT_FALSE(fixture.publish(commit).reused);
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST_F(FailingSync, OfFoldersThatCannotBeSyncedAtAllIsNoError) {
  faults().no_folder = true;
  PublishFixture fixture;
  fixture.publish(fixture.objects.commit({{"n", "1"}}));
  const UniqueFd folder = open_directory(fixture.data_dir);
  replace_file_at(folder.get(), "state", "x", 0600);
  EXPECT_EQ(content(fixture.data_dir / "state"), "x");
}

}  // namespace
}  // namespace adapter::testing
