// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/file_version.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "support/mapped_file.hpp"
#include "temporary_directory.hpp"

namespace adapter {
namespace {

using namespace std::chrono_literals;

/// A file whose volume gives each write the stamp that the test chooses.
class CoarseFile {
public:
  void write(ino_t stamp, std::size_t content) {
    stamp_.inode = stamp;
    content_ = content;
  }
  const FileVersion& look(std::chrono::milliseconds at) {
    const FileVersion::ReadHash read = [this] {
      ++reads_;
      return std::optional(content_);
    };
    seen_ = FileVersion::at(stamp_, read, seen_, FileVersion::Clock::time_point(1h + at));
    return seen_;
  }
  [[nodiscard]] int reads() const { return reads_; }

private:
  FileStamp stamp_;
  std::size_t content_ = 0;
  FileVersion seen_;
  int reads_ = 0;
};

/// Whether a write that comes after a look is seen by the next one.
bool is_seen(ino_t stamp, std::size_t content) {
  CoarseFile file;
  file.write(1, 10);
  const FileVersion first = file.look(0s);
  file.write(stamp, content);
  return file.look(1s) != first;
}

TEST(FileVersion, TellsApartTwoWritesOfOneTick) {
  EXPECT_TRUE(is_seen(1, 20));
}

TEST(FileVersion, IsTheSameWhileNothingIsWritten) {
  CoarseFile file;
  file.write(1, 10);
  const FileVersion first = file.look(0s);
  EXPECT_EQ(file.look(1s), first);
  EXPECT_EQ(file.look(1h), first);
}

TEST(FileVersion, IsAnotherAfterAWriteOfTheSameBytes) {
  EXPECT_TRUE(is_seen(2, 10));
}

TEST(FileVersion, ReadsTheFileOnceMoreAfterTheTickAndThenNoLonger) {
  CoarseFile file;
  file.write(1, 10);
  file.look(0s);
  file.look(1s);
  file.look(3s);
  EXPECT_EQ(file.reads(), 3);
  file.look(4s);
  file.look(1h);
  EXPECT_EQ(file.reads(), 3);
  file.write(2, 10);
  file.look(2h);
  EXPECT_EQ(file.reads(), 4);
}

TEST(FileVersion, SeesARewriteThatKeepsTheStamp) {
  const testing::TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "secret";
  std::ofstream(path) << "first";
  test::MappedFile mapped(path);
  const FileVersion first = FileVersion::of(path);
  EXPECT_EQ(FileVersion::of(path, first), first);
  mapped.rewrite("other");
  EXPECT_NE(FileVersion::of(path, first), first);
}

TEST(FileVersion, OfAFileThatIsNotThereHasNoStampAndLeavesErrno) {
  const testing::TemporaryDirectory directory;
  errno = 0;
  const FileVersion version = FileVersion::of(directory.path() / "absent");
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(version.stamp());
  EXPECT_EQ(version, FileVersion());
}

}  // namespace
}  // namespace adapter
