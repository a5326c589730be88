// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/async/workers.hpp"
#include "adapter/base/error.hpp"
#include "adapter/net/http_client.hpp"
#include "client/admin_target.hpp"

namespace adapter::app {

/// Nobody answers there, or somebody who is no adapter.
class NoDaemon : public Error {
public:
  using Error::Error;
};

/// A whole answer of the admin port.
struct AdminAnswer {
  int status = 0;
  std::string body;                                 ///< JSON
  std::optional<std::chrono::seconds> retry_after;  ///< as the daemon asks
};

/// Asks a daemon's admin port. Loop thread only; outlives what it was asked to do.
class AdminClient {
public:
  /// An exchange takes at most `patience` from the first step to the last byte.
  AdminClient(const asio::any_io_executor& executor, AdminTarget target, std::chrono::milliseconds patience);
  ~AdminClient() { close(); }
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  /// `method` is GET or POST, `route` stands below the port's URL, percent-encoded. Whatever the status, an answer is
  /// one of a daemon. Throws NoDaemon, and Error of class auth when the token's file can no longer be read.
  asio::awaitable<AdminAnswer> ask(std::string method, std::string route, std::string query);

  /// Nothing is asked any more; connections that wait for another request end.
  void close() noexcept;

  /// What an answer of 400 or more says, for people; knows which token was sent.
  [[nodiscard]] std::string problem(const AdminAnswer& answer) const;
  [[nodiscard]] const AdminTarget& target() const noexcept { return target_; }

private:
  asio::awaitable<AdminAnswer> exchange(net::Request request);
  [[nodiscard]] net::Request make_request(std::string method, std::string_view route, std::string_view query);

  AdminTarget target_;
  std::chrono::milliseconds patience_;
  async::Workers workers_{1, async::Workers::OneLane{}};
  std::unique_ptr<net::HttpClient> client_;
};

/// A segment of a path with every byte that means something in a URL percent-encoded.
[[nodiscard]] std::string path_segment(std::string_view text);

/// What a command does with its client; its exit code.
using AdminWork = std::function<asio::awaitable<int>(AdminClient& client)>;

/// Runs `work` on a loop of its own to its end and answers with its exit code. An error that leaves it becomes a line
/// on standard error and exit_no_daemon or exit_failed. Lets signals through; `until_interrupted`: SIGINT and SIGTERM
/// cancel it, which is exit_ok. Main thread.
[[nodiscard]] int run_client(AdminTarget target, std::chrono::milliseconds patience, const AdminWork& work,
                             bool until_interrupted = false);

}  // namespace adapter::app
