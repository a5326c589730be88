// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <cerrno>
#include <string>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using ::testing::Contains;

class FailingSync : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }
  static void fail_next(const std::string& path_end) { FileCalls::watch(fail_once("fsync", path_end, EIO)); }
};

TEST_F(FailingSync, OfTheLinksFolderIsMadeUpForByTheNextPublishAndRelink) {
  PublishFixture fixture(2, "sites/docs");
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  const std::string sites = (fixture.data_dir / "sites").native();
  fixture.publish(first);
  fail_next("/sites");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  FileCalls::watch();
  EXPECT_TRUE(fixture.publish(second).reused);
  EXPECT_THAT(FileCalls::paths_of("fsync"), Contains(sites));
  FileCalls::watch();
  wait_for(fixture.publisher->relink(second));
  EXPECT_THAT(FileCalls::paths_of("fsync"), Contains(sites));
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
  FileCalls::watch(
      [](const FileCall& call) { return call.name == "fsync" && fs::is_directory(call.path) ? EINVAL : 0; });
  PublishFixture fixture;
  fixture.publish(fixture.objects.commit({{"n", "1"}}));
  const UniqueFd folder = open_directory(fixture.data_dir);
  replace_file_at(folder.get(), "state", "x", 0600);
  EXPECT_EQ(content(fixture.data_dir / "state"), "x");
}

}  // namespace
}  // namespace adapter::testing
