// SPDX-License-Identifier: Apache-2.0
#include "config_reader.hpp"

#include <asio/io_context.hpp>

#include <gtest/gtest.h>

#include <future>

#include "adapter/async/task_scope.hpp"

namespace adapter::app {
namespace {

class ConfigReaderTest : public testing::Test {
protected:
  void read() {
    scope_.spawn("read", load(end_));
    scope_.spawn("look", look());
  }

  asio::io_context loop_{1};
  async::Workers workers_{2, async::Workers::OneLane{}};
  async::TaskScope scope_{loop_.get_executor()};
  int slow_ = 0;
  ConfigReader reader_{workers_, [this] { ++slow_; }, std::chrono::milliseconds(20)};
  std::promise<void> release_;
  std::shared_future<void> end_{release_.get_future()};
  int loaded_ = 0;
  int looked_ = 0;

private:
  asio::awaitable<void> load(std::shared_future<void> end) {
    std::function<config::Loaded()> work = [end] {
      end.wait();
      return config::Loaded();
    };
    const config::Loaded loaded = co_await reader_.load(std::move(work));
    ++loaded_;
  }
  asio::awaitable<void> look() {
    std::function<config::Sources()> work = [] { return config::Sources(); };
    const config::Sources sources = co_await reader_.look(std::move(work));
    ++looked_;
  }
};

TEST_F(ConfigReaderTest, WarnsOnceOfAReadThatHangsAndGoesOnWhenItAnswers) {
  read();
  while (slow_ == 0) {
    loop_.run_one();
  }
  EXPECT_EQ(looked_, 1);
  EXPECT_EQ(loaded_, 0);
  release_.set_value();
  loop_.run();
  EXPECT_EQ(loaded_, 1);
  EXPECT_EQ(slow_, 1);
}

TEST_F(ConfigReaderTest, ACancelledReadIsLeftToItsWorker) {
  read();
  loop_.poll();
  scope_.cancel();
  loop_.run();
  EXPECT_EQ(scope_.size(), 0U);
  EXPECT_EQ(loaded_, 0);
  release_.set_value();
}

}  // namespace
}  // namespace adapter::app
