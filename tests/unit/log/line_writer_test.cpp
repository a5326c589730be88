// SPDX-License-Identifier: Apache-2.0
#include "line_writer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"

namespace adapter::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds enough{10'000};

std::string lost_line(std::uint64_t count, int error_number) {
  return "lost " + std::to_string(count) + (error_number == 0 ? "" : " by " + std::to_string(error_number)) + "\n";
}

/// A pipe of 16 KiB, read on demand.
class Pipe {
public:
  Pipe() {
    std::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
    fcntl(writer_.get(), F_SETPIPE_SZ, 16384);
  }
  [[nodiscard]] int writer() const { return writer_.get(); }
  void close_reader() { reader_.reset(); }
  void fill() {
    const int flags = fcntl(writer_.get(), F_GETFL);
    fcntl(writer_.get(), F_SETFL, flags | O_NONBLOCK);
    while (::write(writer_.get(), "#", 1) == 1) {
    }
    fcntl(writer_.get(), F_SETFL, flags);
  }
  /// What is there now.
  std::string read_available() {
    std::string text;
    std::array<char, 4096> buffer{};
    pollfd entry{reader_.get(), POLLIN, 0};
    while (poll(&entry, 1, 0) == 1) {
      const ssize_t count = read(reader_.get(), buffer.data(), buffer.size());
      if (count <= 0) {
        break;
      }
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
  }
  /// Reads until the writer has written all.
  std::string drain(LineWriter& writer) {
    std::string text;
    const auto end = steady_clock::now() + enough;
    while (steady_clock::now() < end) {
      const bool all = writer.flush(milliseconds(1));
      text += read_available();
      if (all) {
        break;
      }
    }
    return text;
  }

private:
  UniqueFd reader_;
  UniqueFd writer_;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(trim(text), '\n')) {
    lines.emplace_back(line);
  }
  return lines;
}

/// With and without a thread.
class AnyLineWriter : public ::testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    if (GetParam()) {
      ASSERT_TRUE(writer_.start_thread());
    }
  }
  /// The thread must have no use of the pipe when that is closed.
  void TearDown() override {
    pipe_.close_reader();
    EXPECT_TRUE(writer_.flush(enough));
  }
  Pipe pipe_;
  LineWriter writer_{pipe_.writer(), lost_line};
};

INSTANTIATE_TEST_SUITE_P(Threads, AnyLineWriter, ::testing::Bool(),
                         [](const auto& with_thread) { return with_thread.param ? "WithThread" : "WithoutThread"; });

TEST_P(AnyLineWriter, WritesLinesInOrder) {
  std::string expected;
  for (int n = 0; n < 100; ++n) {
    writer_.submit(std::to_string(n) + "\n");
    expected += std::to_string(n) + "\n";
  }
  EXPECT_TRUE(writer_.flush(enough));
  EXPECT_EQ(pipe_.read_available(), expected);
}

TEST_P(AnyLineWriter, NeverWaitsForAReaderThatHangs) {
  pipe_.fill();
  const auto begin = steady_clock::now();
  const std::string line(1000, 'x');
  for (int n = 0; n < 20'000; ++n) {
    writer_.submit(line + "\n");
  }
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_LE(writer_.queued_bytes(), LineWriter::max_queued_bytes);
}

TEST_P(AnyLineWriter, CountsLostLinesInTheirPlaceWhenTheReaderIsBack) {
  pipe_.fill();
  constexpr int sent = 5000;
  for (int n = 0; n < sent; ++n) {
    writer_.submit(std::to_string(n) + std::string(1000, '.') + "\n");
  }
  std::string text = pipe_.drain(writer_);
  text.erase(0, text.find_first_not_of('#'));
  const std::vector<std::string> lines = lines_of(text);
  int next = 0;
  int lost = 0;  // in all: a thread may lose some, write some and lose more
  for (const std::string& line : lines) {
    if (line.starts_with("lost ")) {
      EXPECT_EQ(line.find(" by "), std::string::npos) << "the reader was slow, and nothing failed";
      const int now = std::stoi(line.substr(5));
      lost += now;
      next += now;
    } else {
      ASSERT_EQ(std::atoi(line.c_str()), next) << line.substr(0, 40) << ": after " << lost << " lost lines";
      ++next;
    }
  }
  EXPECT_EQ(next, sent) << "the newest lines are kept";
  EXPECT_GT(lost, 3000);
  EXPECT_LT(lost, 4500) << "1 MiB is kept";
}

TEST_P(AnyLineWriter, KeepsALineWholeThatIsLongerThanThePipe) {
  const std::string line = std::string(20'000, 'y') + "\n";
  writer_.submit(line);
  writer_.submit("next\n");
  EXPECT_EQ(pipe_.drain(writer_), line + "next\n");
}

TEST_P(AnyLineWriter, DropsATextLargerThanTheQueue) {
  pipe_.fill();
  writer_.submit("first\n");
  writer_.submit(std::string(LineWriter::max_queued_bytes + 1, 'z') + "\n");
  EXPECT_LE(writer_.queued_bytes(), LineWriter::max_queued_bytes);
  writer_.submit("last\n");
  const std::string text = pipe_.drain(writer_);
  EXPECT_THAT(text, ::testing::HasSubstr("last\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("lost "));
}

TEST_P(AnyLineWriter, GivesUpAFlushAtItsDeadline) {
  pipe_.fill();
  writer_.submit("stuck\n");
  const auto begin = steady_clock::now();
  EXPECT_FALSE(writer_.flush(milliseconds(20)));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(20));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_P(AnyLineWriter, LosesLinesWithoutAReaderAndGoesOn) {
  pipe_.close_reader();
  for (int n = 0; n < 100; ++n) {
    writer_.submit("nobody reads this\n");
  }
  EXPECT_TRUE(writer_.flush(enough));
  EXPECT_EQ(writer_.queued_bytes(), 0U);
}

TEST_P(AnyLineWriter, WaitsForANonBlockingDescriptor) {
  fcntl(pipe_.writer(), F_SETFL, fcntl(pipe_.writer(), F_GETFL) | O_NONBLOCK);
  std::string expected;
  for (int n = 0; n < 100; ++n) {
    const std::string line = std::to_string(n) + std::string(200, '-') + "\n";
    writer_.submit(line);
    expected += line;
  }
  EXPECT_EQ(pipe_.drain(writer_), expected);
}

TEST(LineWriter, LeavesWhatIsQueuedToTheThreadThatStartsLater) {
  Pipe pipe;
  LineWriter writer(pipe.writer(), lost_line);
  pipe.fill();
  writer.submit("before\n");
  ASSERT_TRUE(writer.start_thread());
  writer.submit("after\n");
  std::string text = pipe.drain(writer);
  text.erase(0, text.find_first_not_of('#'));
  EXPECT_EQ(text, "before\nafter\n");
}

TEST(LineWriter, StartsALineAnewAfterOneThatWasRefusedInItsMiddle) {
  std::signal(SIGXFSZ, SIG_IGN);
  std::string name = "/tmp/line_writer_test.XXXXXX";
  const UniqueFd file(mkstemp(name.data()));
  ASSERT_TRUE(file);
  unlink(name.c_str());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit ten{10, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &ten), 0);
  LineWriter writer(file.get(), lost_line);
  writer.submit("12345678901234\n");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  writer.submit("whole\n");
  std::array<char, 64> buffer{};
  const ssize_t count = pread(file.get(), buffer.data(), buffer.size(), 0);
  EXPECT_EQ(std::string_view(buffer.data(), static_cast<std::size_t>(count)),
            "1234567890\nlost 1 by " + std::to_string(EFBIG) + "\nwhole\n");
}

}  // namespace
}  // namespace adapter::log
