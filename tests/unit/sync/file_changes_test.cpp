// SPDX-License-Identifier: Apache-2.0
#include "file_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::chrono::system_clock::time_point tried{1'700'000'000s};

FileStamp stamp(ino_t inode, std::chrono::seconds after_the_attempt = -1h) {
  FileStamp made;
  made.inode = inode;
  made.changed.tv_sec = (1'700'000'000s + after_the_attempt).count();
  return made;
}

WaitingForFiles waits(const std::string& repository, std::vector<std::filesystem::path> files) {
  return {repository, std::move(files), tried};
}

TEST(FileChanges, NamesThoseWhoseFileIsAnother) {
  FileChanges changes;
  const std::vector<WaitingForFiles> waiting{waits("a", {"/token"}), waits("b", {"/ca", "/token"}),
                                             waits("c", {"/ca"})};
  EXPECT_THAT(changes.look(waiting, {{"/token", stamp(1)}, {"/ca", stamp(2)}}), IsEmpty());
  EXPECT_THAT(changes.look(waiting, {{"/token", stamp(1)}, {"/ca", stamp(2)}}), IsEmpty());
  EXPECT_THAT(changes.look(waiting, {{"/token", stamp(3)}, {"/ca", stamp(2)}}), ElementsAre("a", "b"));
  EXPECT_THAT(changes.look(waiting, {{"/token", stamp(3)}, {"/ca", stamp(2)}}), IsEmpty());
}

TEST(FileChanges, AFileThatAppearsOrGoesIsAChange) {
  FileChanges changes;
  const std::vector<WaitingForFiles> waiting{waits("a", {"/token"})};
  EXPECT_THAT(changes.look(waiting, {{"/token", std::nullopt}}), IsEmpty());
  EXPECT_THAT(changes.look(waiting, {{"/token", stamp(1)}}), ElementsAre("a"));
  EXPECT_THAT(changes.look(waiting, {{"/token", std::nullopt}}), ElementsAre("a"));
}

TEST(FileChanges, OneThatWasCorrectedWhileTheAttemptRanCountsAtTheFirstLook) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", stamp(1, 2s)}}), ElementsAre("a"));
  WaitingForFiles same = waits("a", {"/token"});
  same.tried += 3ms;  // read from the clocks anew
  EXPECT_THAT(changes.look({same}, {{"/token", stamp(1, 2s)}}), IsEmpty());
}

TEST(FileChanges, ThatAnotherWaitsForTheFileHidesNoChange) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", stamp(1)}}), IsEmpty());
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", stamp(2, 2s)}}), ElementsAre("a"));
  EXPECT_THAT(changes.look({waits("a", {"/token"}), waits("b", {"/token"})}, {{"/token", stamp(2, 2s)}}),
              ElementsAre("b"));
}

TEST(FileChanges, ForgetsFilesThatNoneWaitsFor) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", stamp(1)}}), IsEmpty());
  EXPECT_THAT(changes.look({}, {}), IsEmpty());
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", stamp(2)}}), IsEmpty()) << "that is what failed now";
}

}  // namespace
}  // namespace adapter::sync
