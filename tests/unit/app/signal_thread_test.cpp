// SPDX-License-Identifier: Apache-2.0
#include "process/signal_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <asio/io_context.hpp>

#include <chrono>
#include <csignal>
#include <future>
#include <optional>
#include <vector>

#include "process/process.hpp"

namespace adapter::app {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class SignalThreadTest : public ::testing::Test {
protected:
  SignalThreadTest() {
    const sigset_t handled = handled_signals();
    pthread_sigmask(SIG_BLOCK, &handled, &before_);
  }
  ~SignalThreadTest() override { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// Signals are taken, and noted when the loop runs.
  void listen(std::promise<int>& taken) {
    signals_.emplace(
        loop_.get_executor(), [&taken](int signal) { taken.set_value(signal); },
        [this](int signal) { on_loop_.push_back(signal); });
  }

  asio::io_context loop_{1};
  std::vector<int> on_loop_;
  std::optional<SignalThread> signals_;

private:
  sigset_t before_{};
};

/// A loop that is stuck in a call on a dead volume never runs what was posted to it.
TEST_F(SignalThreadTest, TakesAStopWhileTheLoopDoesNotTurn) {
  std::promise<int> taken;
  listen(taken);
  kill(getpid(), SIGTERM);
  std::future<int> signal = taken.get_future();
  ASSERT_EQ(signal.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(signal.get(), SIGTERM);
  EXPECT_TRUE(on_loop_.empty());
  signals_.reset();
  loop_.run();
  EXPECT_THAT(on_loop_, ElementsAre(SIGTERM)) << "the loop is told, also when the thread is gone by then";
}

TEST_F(SignalThreadTest, LosesNoSignalWhileThereIsNoThread) {
  kill(getpid(), SIGHUP);
  std::promise<int> first;
  listen(first);
  EXPECT_EQ(first.get_future().get(), SIGHUP);
  signals_.reset();
  kill(getpid(), SIGUSR1);
  std::promise<int> second;
  listen(second);
  EXPECT_EQ(second.get_future().get(), SIGUSR1);
  signals_.reset();
  loop_.run();
  EXPECT_THAT(on_loop_, ElementsAre(SIGHUP, SIGUSR1));
}

}  // namespace
}  // namespace adapter::app
