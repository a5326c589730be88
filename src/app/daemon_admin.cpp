// SPDX-License-Identifier: Apache-2.0
// The daemon's admin port.
#include <random>
#include <utility>

#include "adapter/async/backoff.hpp"
#include "adapter/http/authority.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"
#include "daemon.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// Between two attempts at a port that was taken.
constexpr async::Backoff port_backoff{std::chrono::seconds(1), std::chrono::seconds(30),
                                      std::chrono::milliseconds(500)};

}  // namespace

void Daemon::open_admin_port(const std::string& listen) {
  admin::Options options;
  options.version = version;
  options.sandbox = sandbox_;
  if (workers_) {
    options.jobs = workers_->jobs();  // a stop waits for requests as for jobs on the volume
  }
  admin_ = admin::make_server(loop_.get_executor(), *this, listen, config_, std::move(options));
  log::info("admin_listening", "the admin port is open", {{"address", admin_->address()}});
}

void Daemon::serve_admin() {
  if (!config_->admin.listen.empty()) {
    open_or_try_again(config_->admin.listen, config_->admin.listen_is_configured);
  }
}

/// Without a configuration there is no token: only where nobody from outside can come.
void Daemon::open_admin_port_of_variable() {
  const std::string listen = config::variable(config::process_environment(), "ADAPTER_ADMIN_LISTEN").value_or("");
  if (listen.empty()) {
    return;
  }
  if (!http::is_loopback_name(http::host_in(listen))) {
    log::info("admin_waiting", "the admin port opens with a configuration that has a token for it",
              {{"listen", listen}});
    return;
  }
  open_or_try_again(listen, listen != config::image_admin_listen);
}

void Daemon::open_or_try_again(const std::string& listen, bool is_required) {
  try {
    open_admin_port(listen);
  } catch (const Error& error) {
    const bool port_failed = error.error_class() == ErrorClass::config || error.error_class() == ErrorClass::storage;
    if (is_required || !port_failed) {
      throw;
    }
    log::warning("admin_unavailable", error.text() + "; the port is tried again until it opens", {{"listen", listen}});
    if (!std::exchange(tries_admin_port_, true)) {
      scope_.spawn("admin port", try_admin_port_again(listen));
    }
  }
}

/// Until a port is open, the configuration asks for none or for another, or a stop is asked for. `listen` counts while
/// there is no configuration.
asio::awaitable<void> Daemon::try_admin_port_again(std::string listen) {
  std::mt19937_64 random(std::random_device{}());
  for (unsigned failures = 1; !admin_ && !stop_asked_; ++failures) {
    const auto again = std::chrono::steady_clock::now() + port_backoff.delay(failures, random);
    co_await admin_retry_.wait_until(again);
    // During the start it is start() that opens the port: threads that are started before the sandbox are not in it.
    const bool is_starting = config_ && !engine_;
    if (config_) {
      listen = config_->admin.listen;
    }
    if (listen != config::image_admin_listen) {
      break;
    }
    if (!admin_ && !stop_asked_ && !is_starting) {
      try {
        open_admin_port(listen);
      } catch (const Error& error) {
        log::debug("admin_unavailable", error.text(), {{"listen", listen}});
      }
    }
  }
  tries_admin_port_ = false;
}

}  // namespace adapter::app
