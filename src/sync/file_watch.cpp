// SPDX-License-Identifier: Apache-2.0
#include "file_watch.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stop_token>
#include <utility>

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds between_looks{1};

FileChanges::Versions look_at_files(const std::vector<FailingRepository>& failing,
                                    const FileChanges::Versions& before) {
  FileChanges::Versions versions;
  for (const FailingRepository& each : failing) {
    for (const std::filesystem::path& file : each.files) {
      if (!versions.contains(file)) {
        const auto known = before.find(file);
        versions[file] = FileVersion::of(file, known != before.end() ? known->second : FileVersion());
      }
    }
  }
  return versions;
}

}  // namespace

asio::awaitable<void> FileWatch::run(async::Wakeup& begins_to_wait,
                                     std::function<std::vector<FailingRepository>()> failing,
                                     std::function<void(const std::string&)> changed) {
  FileChanges changes;
  FileChanges::Versions versions;
  while (true) {
    const std::vector<FailingRepository> present = failing();
    if (std::ranges::none_of(present, &FailingRepository::waits_for_files)) {
      co_await begins_to_wait.wait_until(steady_clock::time_point::max());
      continue;
    }
    auto look = [present, versions](const std::stop_token&) { return look_at_files(present, versions); };
    versions = co_await async::run_blocking(looks_, std::move(look), "look at secrets and certificates");
    for (const std::string& name : changes.look(present, versions)) {
      changed(name);
    }
    // Each repository that begins to wait wakes this coroutine: without the pause many of them make it spin.
    const steady_clock::time_point next_look = steady_clock::now() + between_looks;
    while (steady_clock::now() < next_look) {
      co_await begins_to_wait.wait_until(next_look);
    }
  }
}

}  // namespace adapter::sync
