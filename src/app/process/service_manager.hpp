// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/file.hpp"
#include "adapter/config/load.hpp"

namespace adapter::app {

/// What systemd is told of a service with Type=notify, by the protocol of sd_notify(3): one datagram a message, to the
/// socket that $NOTIFY_SOCKET names. Does nothing where that is not set, as in a container. A message that the
/// service manager does not take within a second is lost. Loop thread.
class ServiceManager {
public:
  /// Connects: before the sandbox is entered. A socket that cannot be reached is one warning.
  explicit ServiceManager(const config::Environment& environment);

  /// Work has begun, or a reload has ended. `status` is shown by `systemctl status`.
  void ready(std::string_view status);
  void reloading();
  void stopping();
  /// Tells twice in each period of the watchdog that the event loop, in which this runs, turns; until cancelled. Ends
  /// at once when systemd does not watch this process ($WATCHDOG_USEC, $WATCHDOG_PID).
  asio::awaitable<void> feed_watchdog();

private:
  void send(std::string_view message) noexcept;

  UniqueFd socket_;
  std::optional<std::chrono::microseconds> watchdog_period_;
};

}  // namespace adapter::app
