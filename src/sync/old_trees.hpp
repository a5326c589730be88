// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::sync {

/// Deletes what publishing and pruning took out of use, of all repositories in turn, a slice of time each. A repository
/// whose slice has grown, because its residue takes long to look at, takes its turn in a second line with such ones:
/// two slices of different repositories run at a time, of which one is short. No check and no publish waits for it,
/// unless a repository writes trees much faster than the volume deletes them. Loop thread; files on Lane::deletion.
/// `workers` outlives it.
class OldTrees {
public:
  /// What one job knows of a repository, and did.
  struct Slice {
    publish::KnownResidue residue;
    publish::Deletion trees;
    publish::Deletion retry;
    std::optional<std::chrono::steady_clock::duration> retry_took;
  };
  /// Deletes trees of a repository until all are gone, `until` has come or a stop is requested, and looks at the
  /// residue where `retry_at` has come. Throws storage. On a thread of Lane::deletion.
  using DeleteSlice = std::function<Slice(const std::filesystem::path& data_dir, const std::string& name, Slice known,
                                          std::chrono::steady_clock::time_point retry_at, const std::stop_token& stop,
                                          std::chrono::steady_clock::time_point until)>;

  OldTrees(const asio::any_io_executor& executor, async::Workers& workers);
  /// With another way to delete, for tests.
  OldTrees(const asio::any_io_executor& executor, async::Workers& workers, DeleteSlice delete_slice);

  /// The repository `name`, or volume::retired_repositories, may have something to delete.
  void request(const std::filesystem::path& data_dir, const std::string& name);
  /// Deletes until cancelled, or until finish() was called and nothing is left to do.
  asio::awaitable<void> run();
  void finish() noexcept;

  /// Waits while more than a few requests of this repository are open, each of which may stand for a tree on the disk;
  /// but at most `limit`, which is logged.
  asio::awaitable<void> wait_for_room(std::string name, std::chrono::milliseconds limit = std::chrono::seconds(30));
  /// Waits until what was requested of this name is deleted, or its deletion failed and is tried again later.
  asio::awaitable<void> wait_until_deleted(std::string name);
  /// While it lives no slice of its repository begins, so that the repository's folder may be moved. One at a time of a
  /// name. Loop thread.
  class Hold {
  public:
    /// Ends the slice that runs, which is between two files then.
    Hold(OldTrees& old_trees, std::string name);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    asio::awaitable<void> wait_for_end_of_slice();

  private:
    OldTrees& old_trees_;
    std::string name_;
  };

  /// Entries of old trees that cannot be removed, as far as they were looked at.
  [[nodiscard]] std::uint64_t residue_entries(const std::string& name) const;

private:
  struct Repository {
    std::size_t requests = 0;  ///< since the last deletion that came to its end
    bool queued = false;
    bool is_behind = false;  ///< and it was said
    bool held = false;
    std::optional<std::stop_source> running;  ///< stops its slice
    publish::KnownResidue residue;
    std::chrono::steady_clock::duration slice = first_slice;
    std::chrono::steady_clock::time_point retry_residue_at{};  ///< not before
    std::chrono::steady_clock::time_point again_at = never;    ///< without a request
    std::chrono::steady_clock::duration pause{};               ///< the last one after a failure
  };
  /// Of one repository, before the next one has its turn. It grows while most of it goes into looking at what cannot be
  /// removed, because each slice looks anew.
  static constexpr std::chrono::seconds first_slice{2};

  static constexpr std::chrono::steady_clock::time_point never = std::chrono::steady_clock::time_point::max();

  /// Repositories that take turns.
  struct Line {
    explicit Line(const asio::any_io_executor& executor) : wakeup(executor) {}
    async::Wakeup wakeup;
    std::deque<std::string> queue;
    bool busy = false;
  };

  /// In which a repository waits and runs: never in both at a time.
  [[nodiscard]] Line& line_of(const std::string& name);
  [[nodiscard]] bool is_idle() const noexcept;
  void wake() noexcept;
  asio::awaitable<void> work(Line& line);
  void enqueue(const std::string& name);
  /// Those whose time has come.
  void enqueue_due();
  [[nodiscard]] std::chrono::steady_clock::time_point next_time() const;
  asio::awaitable<void> delete_some(std::string name);

  asio::any_io_executor executor_;
  async::Workers& workers_;
  DeleteSlice delete_slice_;
  Line short_line_;
  Line long_line_;
  std::filesystem::path data_dir_;
  std::map<std::string, Repository> repositories_;
  bool finishing_ = false;
};

}  // namespace adapter::sync
