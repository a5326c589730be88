// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>

#include <atomic>
#include <memory>
#include <string>

#include "adapter/admin/server.hpp"
#include "board.hpp"
#include "metrics/metrics.hpp"
#include "server/access.hpp"
#include "server/reply.hpp"
#include "server/routes.hpp"
#include "snapshot.hpp"

namespace adapter::admin {

/// Requests that wait for something (events, `wait=1`) hold a thread: so many at once.
inline constexpr int max_waiting_requests = 32;

/// What the handlers share. Outlives them.
struct Parts {
  asio::any_io_executor loop;
  Daemon& daemon;
  Board& board;
  Metrics& metrics;
  std::shared_ptr<SnapshotSource> snapshots;
  Options options;
};

/// Answers the routes of health, metrics and the API. Any thread but the loop's.
class Api {
public:
  explicit Api(Parts& parts) : parts_(parts) {}

  [[nodiscard]] Reply healthz() const;
  /// `with_names`: the client may see them.
  [[nodiscard]] Reply readyz(bool with_names) const;
  [[nodiscard]] Reply metrics() const;
  [[nodiscard]] Reply repositories() const;
  [[nodiscard]] Reply repository(const std::string& name) const;
  [[nodiscard]] Reply sync(const std::string& name, const http::RequestHead& head, RequestBody& body);
  [[nodiscard]] Reply events(const http::RequestHead& head);
  [[nodiscard]] Reply reload();
  /// What left the configuration and lies in the volume still.
  [[nodiscard]] Reply prunable() const;
  /// Deletes those that the query names: `names=a,b`.
  [[nodiscard]] Reply prune(const http::RequestHead& head);

private:
  [[nodiscard]] std::shared_ptr<const Snapshot> current(std::chrono::milliseconds max_age) const;
  [[nodiscard]] std::optional<std::uint64_t> ask_for_check(const std::string& name) const;
  [[nodiscard]] Reply wait_for(const std::string& name, std::uint64_t id, RequestBody& body) const;

  Parts& parts_;
  std::shared_ptr<std::atomic<int>> waiting_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace adapter::admin
