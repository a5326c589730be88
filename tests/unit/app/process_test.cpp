// SPDX-License-Identifier: Apache-2.0
#include "process/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "adapter/base/file.hpp"
#include "adapter/log/output.hpp"

namespace adapter::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

/// A child whose standard error is a pipe, and which ends by std::terminate().
class Crash : public ::testing::Test {
protected:
  Crash() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
  }

  void fill_pipe() {
    ASSERT_EQ(fcntl(writer_.get(), F_SETFL, O_NONBLOCK), 0);
    const std::string blanks(4096, ' ');
    while (write(writer_.get(), blanks.data(), blanks.size()) > 0) {
    }
    ASSERT_EQ(fcntl(writer_.get(), F_SETFL, 0), 0);
  }

  void begin() {
    child_ = fork();
    if (child_ == 0) {
      dup2(writer_.get(), STDERR_FILENO);
      prepare_process();
      log::start_thread();
      try {
        throw std::runtime_error("a bug in the code");
      } catch (const std::exception&) {
        std::terminate();
      }
    }
    writer_.reset();
  }

  /// The signal that ended it; 0 when it has not ended in time.
  [[nodiscard]] int signal_within(std::chrono::seconds limit) const {
    const auto until = steady_clock::now() + limit;
    int status = 0;
    while (waitpid(child_, &status, WNOHANG) == 0) {
      if (steady_clock::now() > until) {
        kill(child_, SIGKILL);
        waitpid(child_, &status, 0);
        return 0;
      }
      std::this_thread::sleep_for(10ms);
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  [[nodiscard]] std::string read_all() const {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = read(reader_.get(), buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

private:
  UniqueFd reader_;
  UniqueFd writer_;
  pid_t child_ = -1;
};

TEST_F(Crash, IsLoggedWithItsReason) {
  begin();
  const std::string text = read_all();
  EXPECT_EQ(signal_within(10s), SIGABRT);
  EXPECT_THAT(text, HasSubstr("event=crashed"));
  EXPECT_THAT(text, HasSubstr("a bug in the code"));
}

TEST_F(Crash, WaitsForTheReaderOfTheLogForAMoment) {
  fill_pipe();
  const auto began = steady_clock::now();
  begin();
  EXPECT_EQ(signal_within(10s), SIGABRT);
  EXPECT_GE(steady_clock::now() - began, 400ms);
}

}  // namespace
}  // namespace adapter::app
