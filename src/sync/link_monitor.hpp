// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/workers.hpp"
#include "link_watch.hpp"

namespace adapter::sync {

/// Looks at links in rounds. A link whose directory hangs, a mount whose server is gone for one, is left out of the
/// rounds until its look has ended, so that it hides no other one. Loop thread; files on Lane::quick. A look that hangs
/// may outlive the monitor, and the loop outlives `workers`.
class LinkMonitor {
public:
  /// Whether a link shows one of its commits. Blocking; on a worker.
  using Look = std::function<bool(const std::filesystem::path& data_dir, const WatchedLink& link)>;
  static constexpr std::chrono::seconds usual_patience{2};

  explicit LinkMonitor(async::Workers& workers) : LinkMonitor(workers, shows_its_commit, usual_patience) {}
  /// With another look, for tests, which hangs when it takes longer than `patience`.
  LinkMonitor(async::Workers& workers, Look look, std::chrono::milliseconds patience)
      : workers_(workers), look_(std::move(look)), patience_(patience) {}

  /// Those of `links` that lead to the tree of one of their commits now and did not, or the other way round; `resolves`
  /// says what is. A link that begins to hang is logged.
  asio::awaitable<std::vector<WatchedLink>> look_at(std::filesystem::path data_dir, std::vector<WatchedLink> links);

private:
  struct Round;
  using Key = std::pair<std::string, std::string>;  ///< repository and link

  void begin(const asio::any_io_executor& executor, std::filesystem::path data_dir, std::shared_ptr<Round> round);
  asio::awaitable<void> wait_for_end(std::shared_ptr<Round> round);

  async::Workers& workers_;
  Look look_;
  std::chrono::milliseconds patience_;
  /// Shared with looks that outlive this object.
  std::shared_ptr<std::set<Key>> hanging_ = std::make_shared<std::set<Key>>();
};

}  // namespace adapter::sync
