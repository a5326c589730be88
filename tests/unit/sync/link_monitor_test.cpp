// SPDX-License-Identifier: Apache-2.0
#include "link_monitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Links whose looks find nothing there; those that begin with "hang" do so until they are released.
class LinkMonitorTest : public ::testing::Test {
protected:
  ~LinkMonitorTest() override {
    release();
    scope_.cancel();
    loop_.restart();
    loop_.run();
  }

  bool look(const WatchedLink& link) {
    std::unique_lock lock(mutex_);
    ++looks_[link.link];
    if (link.link.starts_with("hang")) {
      released_changed_.wait(lock, [this] { return released_; });
    }
    return false;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    released_changed_.notify_all();
  }
  int looks(const std::string& link) {
    const std::lock_guard lock(mutex_);
    return looks_[link];
  }

  static asio::awaitable<void> note(LinkMonitorTest& test, std::vector<std::string> names) {
    std::vector<WatchedLink> links;
    for (const std::string& name : names) {
      links.push_back(WatchedLink{name, name, true, {}});
    }
    const std::vector<WatchedLink> differing = co_await test.monitor_.look_at("/data", std::move(links));
    for (const WatchedLink& link : differing) {
      test.found_.push_back(link.link);
    }
  }
  const std::vector<std::string>& look_at(std::vector<std::string> names) {
    found_.clear();
    scope_.spawn("look", note(*this, std::move(names)));
    run_until([this] { return scope_.size() == 0; });
    return found_;
  }
  void run_until(const std::function<bool()>& done) {
    loop_.restart();
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < until) {
      loop_.run_one_for(5ms);
    }
    EXPECT_TRUE(done());
  }

  asio::io_context loop_{1};
  std::mutex mutex_;
  std::condition_variable released_changed_;
  bool released_ = false;
  std::map<std::string, int> looks_;
  async::Workers workers_{1};
  LinkMonitor monitor_{workers_, [this](const std::filesystem::path&, const WatchedLink& link) { return look(link); },
                       100ms};
  std::vector<std::string> found_;
  async::TaskScope scope_{loop_.get_executor()};
};

TEST_F(LinkMonitorTest, TellsWhichLinksDoNotShowTheirCommitAnyMore) {
  EXPECT_THAT(look_at({"a", "b"}), ElementsAre("a", "b"));
  EXPECT_THAT(look_at({}), IsEmpty());
}

TEST_F(LinkMonitorTest, OneThatHangsHidesNoOther) {
  EXPECT_THAT(look_at({"a", "hang", "b", "hang-too", "c"}), ElementsAre("a", "b", "c"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(look_at({"a", "hang", "b", "hang-too", "c"}), ElementsAre("a", "b", "c"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 100ms) << "they were waited for again";
  EXPECT_EQ(looks("hang"), 1);
}

TEST_F(LinkMonitorTest, OneThatHungIsLookedAtWhenItAnswers) {
  look_at({"hang"});
  release();
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (look_at({"hang"}).empty() && std::chrono::steady_clock::now() < until) {
    loop_.run_one_for(5ms);
  }
  EXPECT_THAT(found_, ElementsAre("hang"));
  EXPECT_EQ(looks("hang"), 2);
}

TEST_F(LinkMonitorTest, ACancelledRoundEndsAtOnce) {
  scope_.spawn("look", note(*this, {"hang"}));
  run_until([this] { return looks("hang") == 1; });
  scope_.cancel();
  run_until([this] { return scope_.size() == 0; });
}

}  // namespace
}  // namespace adapter::sync
