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

FileVersion version(ino_t inode, std::chrono::seconds after_the_attempt = -1h, std::size_t content = 0) {
  FileStamp made;
  made.inode = inode;
  made.changed.tv_sec = (1'700'000'000s + after_the_attempt).count();
  return FileVersion::at(made, [content] { return std::optional(content); }, {}, FileVersion::Clock::time_point(1h));
}

FailingRepository waits(const std::string& repository, std::vector<std::filesystem::path> files) {
  return {repository, true, std::move(files), tried};
}

TEST(FileChanges, NamesThoseWhoseFileIsAnother) {
  FileChanges changes;
  const std::vector<FailingRepository> failing{waits("a", {"/token"}), waits("b", {"/ca", "/token"}),
                                               waits("c", {"/ca"})};
  EXPECT_THAT(changes.look(failing, {{"/token", version(1)}, {"/ca", version(2)}}), IsEmpty());
  EXPECT_THAT(changes.look(failing, {{"/token", version(1)}, {"/ca", version(2)}}), IsEmpty());
  EXPECT_THAT(changes.look(failing, {{"/token", version(3)}, {"/ca", version(2)}}), ElementsAre("a", "b"));
  EXPECT_THAT(changes.look(failing, {{"/token", version(3)}, {"/ca", version(2)}}), IsEmpty());
}

TEST(FileChanges, AFileThatAppearsOrGoesIsAChange) {
  FileChanges changes;
  const std::vector<FailingRepository> failing{waits("a", {"/token"})};
  EXPECT_THAT(changes.look(failing, {{"/token", FileVersion()}}), IsEmpty());
  EXPECT_THAT(changes.look(failing, {{"/token", version(1)}}), ElementsAre("a"));
  EXPECT_THAT(changes.look(failing, {{"/token", FileVersion()}}), ElementsAre("a"));
}

TEST(FileChanges, NoticesAnotherContentUnderTheSameStamp) {
  FileChanges changes;
  const std::vector<FailingRepository> failing{waits("a", {"/token"})};
  EXPECT_THAT(changes.look(failing, {{"/token", version(1, -1h, 10)}}), IsEmpty());
  EXPECT_THAT(changes.look(failing, {{"/token", version(1, -1h, 20)}}), ElementsAre("a"));
}

TEST(FileChanges, OneThatWasCorrectedWhileTheAttemptRanCountsAtTheFirstLook) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(1, 3s)}}), ElementsAre("a"));
  FailingRepository same = waits("a", {"/token"});
  same.tried += 3ms;  // read from the clocks anew
  EXPECT_THAT(changes.look({same}, {{"/token", version(1, 3s)}}), IsEmpty());
}

TEST(FileChanges, AFreshFileThatDoesNotHelpIsTriedOnceMoreOnly) {
  FileChanges changes;
  const FileChanges::Versions fresh{{"/ca", version(1, 0s)}};
  FailingRepository a = waits("a", {"/ca"});
  FailingRepository attempting = {"a"};
  const FailingRepository b = waits("b", {"/ca"});
  EXPECT_THAT(changes.look({a}, fresh), ElementsAre("a"));
  EXPECT_THAT(changes.look({attempting, b}, fresh), ElementsAre("b"));
  a.tried += 600ms;
  EXPECT_THAT(changes.look({a, b}, fresh), IsEmpty());
}

TEST(FileChanges, ThatAnotherWaitsForTheFileHidesNoChange) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(1)}}), IsEmpty());
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(2, 2s)}}), ElementsAre("a"));
  EXPECT_THAT(changes.look({waits("a", {"/token"}), waits("b", {"/token"})}, {{"/token", version(2, 2s)}}),
              ElementsAre("b"));
}

TEST(FileChanges, AChangeDuringALaterAttemptCountsWhateverTheVolumesClockSays) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(1)}}), IsEmpty());
  EXPECT_THAT(changes.look({FailingRepository{"a"}}, {}), IsEmpty());
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(2)}}), ElementsAre("a"));
}

TEST(FileChanges, ForgetsRepositoriesThatNoLongerFail) {
  FileChanges changes;
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(1)}}), IsEmpty());
  EXPECT_THAT(changes.look({}, {}), IsEmpty());
  EXPECT_THAT(changes.look({waits("a", {"/token"})}, {{"/token", version(2)}}), IsEmpty()) << "that is what failed now";
}

}  // namespace
}  // namespace adapter::sync
