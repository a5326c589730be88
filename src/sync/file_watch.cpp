// SPDX-License-Identifier: Apache-2.0
#include "file_watch.hpp"

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <utility>

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds between_looks{1};

FileChanges::Stamps stamps_of(const std::vector<WaitingForFiles>& waiting) {
  FileChanges::Stamps stamps;
  for (const WaitingForFiles& each : waiting) {
    for (const std::filesystem::path& file : each.files) {
      if (!stamps.contains(file)) {
        stamps[file] = FileStamp::of(file);
      }
    }
  }
  return stamps;
}

}  // namespace

asio::awaitable<void> FileWatch::run(async::Wakeup& begins_to_wait,
                                     std::function<std::vector<WaitingForFiles>()> waiting,
                                     std::function<void(const std::string&)> changed) {
  FileChanges changes;
  while (true) {
    std::vector<WaitingForFiles> present = waiting();
    const bool any = !present.empty();
    FileChanges::Stamps stamps;
    if (any) {
      auto look = [present](const std::stop_token&) { return stamps_of(present); };
      stamps = co_await async::run_blocking(looks_, std::move(look), "look at secrets and certificates");
    }
    for (const std::string& name : changes.look(present, std::move(stamps))) {
      changed(name);
    }
    const auto again = any ? steady_clock::now() + between_looks : steady_clock::time_point::max();
    co_await begins_to_wait.wait_until(again);
  }
}

}  // namespace adapter::sync
