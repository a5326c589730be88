// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/async/semaphore.hpp"
#include "adapter/base/file.hpp"
#include "adapter/config/load.hpp"

namespace adapter::app {

/// What systemd is told of a service with Type=notify, by the protocol of sd_notify(3): one datagram a message, to the
/// socket that $NOTIFY_SOCKET names. Does nothing where that is not set, as in a container. Nothing waits for a service
/// manager that does not read: its messages queue, in order, and run() delivers them later. Loop thread.
class ServiceManager {
public:
  /// Connects: before the sandbox is entered. A socket that cannot be reached is one warning.
  ServiceManager(const asio::any_io_executor& executor, const config::Environment& environment);

  /// Work has begun, or a reload has ended. `status` is shown by `systemctl status`.
  void ready(std::string_view status);
  void reloading();
  void stopping();
  /// Delivers what could not be sent at once. Feeds the watchdog twice in each of its periods, where systemd watches
  /// this process ($WATCHDOG_USEC, $WATCHDOG_PID): the event loop, in which this runs, turns. Until cancelled.
  asio::awaitable<void> run();

private:
  static constexpr std::size_t max_queued = 16;  ///< messages; over it the oldest are lost

  void send(std::string message);
  /// Does not wait. False when the service manager's queue is full; a message that cannot be sent at all is lost.
  [[nodiscard]] bool try_send(std::string_view message) noexcept;
  void send_queued();

  UniqueFd socket_;
  async::Wakeup queued_wakeup_;  ///< a message was queued
  std::deque<std::string> queued_;
  std::optional<std::chrono::microseconds> watchdog_period_;
};

}  // namespace adapter::app
