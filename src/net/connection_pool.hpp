// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>

#include "adapter/async/semaphore.hpp"
#include "adapter/http/url.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/net/stream.hpp"
#include "traffic.hpp"

namespace adapter::net {

/// Idle connections, and the right to use one: at most so many at a time for each origin. Loop thread only. One timer
/// for all idle connections. Leases hold on to what they need, but must end before the executor's context does.
class ConnectionPool {
  struct Core;
  struct Host;
  struct Idle;

public:
  ConnectionPool(asio::any_io_executor executor, const ClientOptions& options);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// A place among the busy connections of an origin, and the connection when there is one. Ending it gives the place
  /// to the next who waits, and closes the connection unless it was given back.
  class Lease {
  public:
    Lease() = default;
    Lease(Lease&&) = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { end(); }

    std::unique_ptr<Stream> stream;

    [[nodiscard]] const ConnectionSettings& settings() const noexcept { return settings_; }
    /// Of the host; valid as long as the pool.
    [[nodiscard]] Traffic& traffic() const noexcept;
    /// Puts the most recently used idle connection, if one is still good, into `stream`; whether there was one.
    bool take_idle();
    /// The connection may carry another request: keep it, and give the place back.
    void give_back();
    /// Closes the connection and gives the place back.
    void end() noexcept;

  private:
    friend class ConnectionPool;
    std::shared_ptr<Core> core_;
    std::shared_ptr<Host> host_;
    ConnectionSettings settings_;
    async::Semaphore::Permit permit_;  // after host_, whose semaphore it belongs to
  };

  /// Waits for a place. Errors: operation_aborted; cancelled when the pool is closed.
  asio::awaitable<Lease> acquire(http::Origin origin, ConnectionSettings settings);

  void set_connections_per_host(std::size_t limit);
  void count_opened() noexcept;
  /// Closes the older half of the idle connections, at least one. False when there is none.
  bool drop_half_of_idle();
  void close() noexcept;
  [[nodiscard]] HttpClient::Stats stats() const;
  [[nodiscard]] std::size_t known_hosts() const noexcept;

private:
  std::shared_ptr<Core> core_;
};

}  // namespace adapter::net
