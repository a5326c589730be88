// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "adapter/async/semaphore.hpp"
#include "adapter/base/error.hpp"

namespace adapter::sync {

/// Turns at hosts: so many at a time at each host, first come, first served. Loop thread only; must outlive its turns.
class HostTurns {
  struct Host {
    Host(const asio::any_io_executor& executor, std::size_t limit) : permits(executor, limit) {}
    async::Semaphore permits;
    std::size_t users = 0;  ///< turns and waiters
  };
  using Hosts = std::map<std::string, Host>;

public:
  /// How long a request waits for a connection of its host, that is for the turn of one, before it fails.
  static constexpr std::chrono::minutes longest_wait_for_connection{15};

  HostTurns(asio::any_io_executor executor, std::size_t per_host);

  /// The right to be at a host; given back by its destructor.
  class Turn {
  public:
    Turn() = default;
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&& other) noexcept;
    ~Turn();
    /// Another one waits for a turn at the host. False without a turn.
    [[nodiscard]] bool is_waited_for() const noexcept;

  private:
    friend class HostTurns;
    Turn(HostTurns& owner, Hosts::iterator host) noexcept;
    HostTurns* owner_ = nullptr;
    Hosts::iterator host_{};
    async::Semaphore::Permit permit_;
  };

  /// Waits for a turn. A cancelled waiter throws asio::system_error(operation_aborted).
  asio::awaitable<Turn> acquire(std::string host);
  /// The same for the turns of connections: class timeout after longest_wait_for_connection.
  asio::awaitable<Turn> acquire_connection(std::string host);
  /// A turn that is free now and that no waiter may have.
  [[nodiscard]] std::optional<Turn> try_acquire(const std::string& host);

  /// At a reload. Fewer turns take effect as they come back.
  void set_per_host(std::size_t per_host);
  /// That have a turn or a waiter.
  [[nodiscard]] std::size_t known_hosts() const noexcept { return hosts_.size(); }

private:
  asio::any_io_executor executor_;
  std::size_t per_host_;
  Hosts hosts_;
};

/// The failure of a request that waited for a connection of `host` for as long as it may.
[[nodiscard]] Error no_connection_came_free(const std::string& host);

}  // namespace adapter::sync
