// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <string>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/workers.hpp"

namespace adapter::sync {

/// Deletes what publishing took out of use, of all repositories in turn, a slice of time each. No check and no publish
/// waits for it, unless a repository writes trees much faster than the volume deletes them. Loop thread; files on
/// Lane::deletion. `workers` outlives it.
class OldTrees {
public:
  OldTrees(const asio::any_io_executor& executor, async::Workers& workers);

  /// The repository `name` may have something to delete.
  void request(const std::filesystem::path& data_dir, const std::string& name);
  /// Deletes until cancelled, or until finish() was called and nothing is left to do.
  asio::awaitable<void> run();
  void finish() noexcept;

  /// Waits while more than a few requests of this repository are open: each may stand for a tree on the disk.
  asio::awaitable<void> wait_for_room(std::string name);
  /// What the last deletion had to leave, see publish::OldTreesLeft.
  [[nodiscard]] std::uint64_t residue_entries(const std::string& name) const;

private:
  struct Repository {
    std::size_t requests = 0;  ///< since the last deletion that came to its end
    std::uint64_t residue_entries = 0;
    bool queued = false;
  };
  asio::awaitable<bool> delete_some(std::string name);

  asio::any_io_executor executor_;
  async::Workers& workers_;
  async::Wakeup wakeup_;
  std::filesystem::path data_dir_;
  std::deque<std::string> queue_;
  std::map<std::string, Repository> repositories_;
  bool finishing_ = false;
};

}  // namespace adapter::sync
