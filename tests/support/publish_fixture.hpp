// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/publish/publisher.hpp"
#include "memory_trees.hpp"

namespace adapter::testing {

namespace fs = std::filesystem;

/// A folder that is gone with all in it at the end.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "adapter-publish-XXXXXX").native();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), pattern);
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    const UniqueFd parent = open_directory(path_.parent_path());
    remove_tree_at(parent.get(), path_.filename().native());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

private:
  fs::path path_;
};

inline std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A new one each time, or $ADAPTER_TEST_SEED: a test that draws prints it with each failure.
inline std::uint_fast32_t random_seed() {
  const char* given = std::getenv("ADAPTER_TEST_SEED");
  return given != nullptr ? static_cast<std::uint_fast32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

/// Runs a coroutine to its end on a loop of its own.
template <class T>
T wait_for(asio::awaitable<T> task) {
  asio::io_context loop(1);
  std::exception_ptr failure;
  std::optional<T> value;
  asio::co_spawn(loop, std::move(task), [&](const std::exception_ptr& error, T result) {
    failure = error;
    value = std::move(result);
  });
  loop.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
  return std::move(*value);
}

inline void wait_for(asio::awaitable<void> task) {
  asio::io_context loop(1);
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(task), [&](const std::exception_ptr& error) { failure = error; });
  loop.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

/// The Error that `action` throws; a test failure when it throws none.
template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorClass::config, "nothing was thrown");
}

/// As the program publishes: one phase after the other.
inline asio::awaitable<publish::PublishResult> publish_in_steps(publish::Publisher& publisher,
                                                                std::shared_ptr<const publish::TreeSource> source,
                                                                publish::PublishOptions options) {
  auto staged = co_await publisher.begin(std::move(source), std::move(options));
  auto result = co_await publisher.commit(std::move(staged));
  co_return std::move(result);
}

/// For retire_all().
inline bool at_once() {
  return true;
}

/// Deletes what retire_all() took out of use, as the program does it; `tries`: also what could not be deleted before.
inline publish::Deletion delete_retired(
    const fs::path& data_dir, publish::KnownResidue& known, bool tries = false,
    const std::function<bool()>& give_up = [] { return false; }) {
  const publish::Deletion done = publish::delete_old_trees(data_dir, volume::retired_repositories, known, give_up);
  return tries ? publish::retry_residue(data_dir, volume::retired_repositories, known, give_up) : done;
}
inline publish::Deletion delete_retired(const fs::path& data_dir) {
  publish::KnownResidue known;
  return delete_retired(data_dir, known);
}

/// A data directory with one repository, and trees to publish.
struct PublishFixture {
  explicit PublishFixture(std::size_t threads = 2, const std::string& link_path = "docs",
                          const fs::path& where = fs::path())
      : data_dir(where.empty() ? folder.path() : where),
        link(data_dir / link_path),
        workers(threads),
        publisher(publish::make_publisher(workers, data_dir, "docs", link_path, doubts)) {}

  publish::PublishResult publish(const ObjectId& commit, publish::PublishOptions options = {}) {
    return wait_for(publish_in_steps(*publisher, trees.source(commit), std::move(options)));
  }
  /// As the program does it: what was taken out of use is deleted then.
  publish::Standing recover(publish::RecoverOptions options = {}) {
    publish::Standing standing = wait_for(publisher->recover(std::move(options)));
    clean_up();
    return standing;
  }
  /// Returns how many entries cannot be removed.
  std::uint64_t clean_up() {
    const auto never = [] { return false; };
    EXPECT_TRUE(publish::delete_old_trees(data_dir, "docs", residue_, never).complete);
    EXPECT_TRUE(publish::retry_residue(data_dir, "docs", residue_, never).complete);
    return residue_.entries;
  }
  void relink(const ObjectId& commit) { wait_for(publisher->relink(commit, {})); }
  [[nodiscard]] fs::path own() const { return data_dir / ".adapter" / "docs"; }
  [[nodiscard]] fs::path tree(const ObjectId& commit) const { return own() / "trees" / commit.to_hex(); }
  /// Names below trees, manifests and the repository's folder that are not a commit's.
  [[nodiscard]] std::vector<std::string> litter() const {
    std::vector<std::string> found;
    for (const fs::path& place : {own(), own() / "trees", own() / "manifests"}) {
      for (const auto& entry : fs::directory_iterator(place)) {
        const std::string name = entry.path().filename().native();
        if (name.starts_with(".")) {
          found.push_back(name);
        }
      }
    }
    return found;
  }

  TemporaryFolder folder;
  fs::path data_dir;
  fs::path link;
  async::Workers workers;
  MemoryTrees trees;
  publish::Doubts doubts;
  std::unique_ptr<publish::Publisher> publisher;

private:
  publish::KnownResidue residue_;
};

}  // namespace adapter::testing
