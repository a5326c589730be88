// SPDX-License-Identifier: Apache-2.0
#include "file_watch.hpp"

#include <gtest/gtest.h>

#include <asio/io_context.hpp>

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

TEST(FileWatch, LooksAtMostOnceASecondHoweverOftenItIsWoken) {
  asio::io_context loop(1);
  async::Wakeup begins_to_wait(loop.get_executor());
  async::TaskScope scope(loop.get_executor());
  async::Workers workers(1, async::Workers::OneLane{});
  FileWatch watch(workers);
  int looks = 0;
  auto failing = [&looks] {
    ++looks;
    return std::vector<FailingRepository>{{"a", true, {"/absent/file"}, std::chrono::system_clock::now()}};
  };
  scope.spawn("watch", watch.run(begins_to_wait, std::move(failing), [](const std::string&) {}));
  const steady_clock::time_point began = steady_clock::now();
  while (steady_clock::now() < began + std::chrono::milliseconds(300)) {
    begins_to_wait.wake();
    loop.poll();
    loop.restart();
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began);
  EXPECT_GE(looks, 1);
  EXPECT_LE(looks, 1 + seconds.count());
  scope.cancel();
  loop.run();
}

TEST(FileWatch, AFileThatAnswersAgainIsAChange) {
  asio::io_context loop(1);
  async::Wakeup begins_to_wait(loop.get_executor());
  async::TaskScope scope(loop.get_executor());
  async::Workers workers(1, async::Workers::OneLane{});
  FileWatch watch(workers, std::chrono::milliseconds(200));
  std::promise<void> release;
  workers.post(async::Lane::files, [end = release.get_future().share()] { end.wait(); });
  int looks = 0;
  const auto failing = [&] {
    if (++looks == 2) {
      release.set_value();
    }
    const auto after_its_last_change = std::chrono::system_clock::now() + std::chrono::hours(1);
    return std::vector<FailingRepository>{{"a", true, {"/etc/passwd"}, after_its_last_change}};
  };
  std::string changed;
  scope.spawn("watch", watch.run(begins_to_wait, failing, [&](const std::string& name) { changed = name; }));
  while (changed.empty() && looks < 100) {
    loop.run_one();
  }
  EXPECT_EQ(changed, "a");
  scope.cancel();
  loop.run();
}

}  // namespace
}  // namespace adapter::sync
