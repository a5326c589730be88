// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/error.hpp"
#include "adapter/store/store.hpp"

/// A folder that goes away with the test.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

/// A real git repository, driven by the real git: the oracle.
class GitRepository {
public:
  explicit GitRepository(std::filesystem::path path);

  /// Runs `git <arguments>` there through the shell; its standard output without the last newline. A failure throws.
  std::string git(const std::string& arguments, const std::string& input = "") const;
  void write(const std::string& file, std::string_view bytes) const;
  adapter::ObjectId commit(const std::string& message = "change") const;
  /// An object of any content, however wrong.
  adapter::ObjectId hash_object(const std::string& type, const std::string& bytes) const;
  /// The id that a blob of these bytes has.
  adapter::ObjectId hash_object_name(std::string_view bytes) const;
  adapter::ObjectId commit_of_tree(const adapter::ObjectId& tree) const;
  /// A pack of what `revisions` (lines for pack-objects --revs) name.
  std::string pack(const std::string& revisions, const std::string& options = "") const;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

std::string read_whole(const std::filesystem::path& path);
void write_whole(const std::filesystem::path& path, std::string_view bytes);
/// Standard output of a shell command; a failure throws with what it wrote.
std::string run_command(const std::string& command);
std::string raw_id(const adapter::ObjectId& id);
/// "<mode> <name>\0<id>"
std::string tree_entry(const std::string& mode, const std::string& name, const adapter::ObjectId& id);

/// A store on a loop of its own.
class StoreTest : public testing::Test {
protected:
  StoreTest();

  template <class T>
  T await(asio::awaitable<T> work) {
    std::optional<T> value;
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
      failure = error;
      value.emplace(std::move(result));
    });
    loop.restart();
    loop.run();
    if (failure) {
      std::rethrow_exception(failure);
    }
    return std::move(*value);
  }
  void await(asio::awaitable<void> work);

  void open(adapter::store::StoreOptions options = {});
  /// Feeds a pack in pieces of random sizes and keeps `tip`.
  adapter::store::CommitSummary ingest(const std::string& pack, adapter::store::Tip tip);
  adapter::store::CommitSummary ingest(const std::string& pack, const adapter::ObjectId& id, std::uint32_t depth = 0);
  /// The error that keeping this ends with; a failure of the test when there is none.
  adapter::Error refusal(const std::string& pack, const adapter::ObjectId& id, std::uint32_t depth = 0);
  /// What `git` says of repo.git; fails the test when it complains.
  std::string kept_git(const std::string& arguments);
  void expect_sound();
  void expect_nothing_kept();
  /// All paths with mode and id, as the reader gives them, like `git ls-tree -r`.
  std::string listing(const adapter::ObjectId& commit);
  [[nodiscard]] std::filesystem::path directory() const { return folder.path() / "store"; }
  [[nodiscard]] std::size_t pack_count() const;

  TemporaryFolder folder;
  GitRepository origin{folder.path() / "origin"};
  asio::io_context loop{1};
  adapter::async::Workers workers{2};
  std::unique_ptr<adapter::store::Store> store;
  std::mt19937_64 random{20260101};
};
