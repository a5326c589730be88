// SPDX-License-Identifier: Apache-2.0
#include "file_watch.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds between_looks{1};

}  // namespace

asio::awaitable<FileChanges::Versions> FileWatch::look_at_files(std::vector<FailingRepository> failing) {
  FileChanges::Versions versions;
  for (const FailingRepository& each : failing) {
    for (const std::filesystem::path& file : each.files) {
      if (versions.contains(file)) {
        continue;
      }
      Look& look =
          looks_.try_emplace(file, workers_, "look at a secret or certificate", async::Lane::files).first->second;
      Look::Work work = [file, before = answers_[file]] { return FileVersion::of(file, before); };
      const std::optional<FileVersion> answer = co_await look.run(std::move(work), patience_);
      if (answer) {
        answers_[file] = *answer;
      }
      versions[file] = answer.value_or(FileVersion());
    }
  }
  const auto is_unused = [&versions](const auto& known) { return !versions.contains(known.first); };
  std::erase_if(looks_, is_unused);
  std::erase_if(answers_, is_unused);
  co_return versions;
}

asio::awaitable<void> FileWatch::run(async::Wakeup& begins_to_wait,
                                     std::function<std::vector<FailingRepository>()> failing,
                                     std::function<void(const std::string&)> changed) {
  FileChanges changes;
  while (true) {
    const std::vector<FailingRepository> present = failing();
    if (std::ranges::none_of(present, &FailingRepository::waits_for_files)) {
      co_await begins_to_wait.wait_until(steady_clock::time_point::max());
      continue;
    }
    const FileChanges::Versions versions = co_await look_at_files(present);
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
