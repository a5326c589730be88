// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapter/admin/server.hpp"
#include "board.hpp"
#include "secret_paths.hpp"

namespace adapter::admin {

/// The engine at one moment; never changes.
struct Snapshot {
  std::chrono::system_clock::time_point time;
  std::chrono::steady_clock::time_point taken;
  std::shared_ptr<const config::Config> config;                     ///< null: there is none yet
  std::vector<sync::RepositoryStatus> repositories;                 ///< in the order of the configuration
  std::map<std::string, sync::SyncProgress, std::less<>> progress;  ///< of those that are fetching
  std::optional<ReloadStatus> last_reload;                          ///< nullopt: there is no configuration yet
  net::HttpClient::Stats network;
  std::string event_id;  ///< of the last event that is in it
};

/// Snapshots of the engine for other threads, made on the loop when somebody asks; nobody asks, nothing is done. And
/// the proof that the loop turns: a beat a second.
class SnapshotSource : public std::enable_shared_from_this<SnapshotSource> {
public:
  using Clock = std::chrono::steady_clock;

  SnapshotSource(asio::any_io_executor loop, Daemon& daemon, const Board& board);

  /// Loop thread.
  void start_beating();
  void stop_beating();
  void set_config(std::shared_ptr<const config::Config> config);

  /// Any thread but the loop's. One that is at most `max_age` old, waiting for up to `patience` until the loop has made
  /// it; when it does not, the last one, or null when there was none.
  [[nodiscard]] std::shared_ptr<const Snapshot> get(std::chrono::milliseconds max_age,
                                                    std::chrono::milliseconds patience);
  /// Ends all waits.
  void stop();
  /// How long ago the loop turned last.
  [[nodiscard]] std::chrono::milliseconds since_beat() const noexcept;

private:
  void take();

  asio::any_io_executor loop_;
  Daemon& daemon_;
  const Board& board_;
  asio::steady_timer timer_;
  bool beating_ = false;      ///< loop thread
  SecretPaths secret_paths_;  ///< loop thread
  std::atomic<Clock::rep> last_beat_;

  std::mutex mutex_;
  std::condition_variable taken_;
  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const Snapshot> latest_;
  bool asked_ = false;
  bool stopped_ = false;
};

}  // namespace adapter::admin
