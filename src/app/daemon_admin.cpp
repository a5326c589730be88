// SPDX-License-Identifier: Apache-2.0
// The daemon's admin port.
#include <utility>

#include "adapter/http/authority.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"
#include "daemon.hpp"
#include "version.hpp"

namespace adapter::app {

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

/// As the configuration says. A port that stands in the file must open; the default of an image only warns.
void Daemon::serve_admin() {
  const config::Admin& settings = config_->admin;
  if (settings.listen.empty()) {
    return;
  }
  try {
    open_admin_port(settings.listen);
  } catch (const Error& error) {
    const bool port_failed = error.error_class() == ErrorClass::config || error.error_class() == ErrorClass::storage;
    if (settings.listen_is_configured || !port_failed) {
      throw;
    }
    log::warning("admin_unavailable", error.text(), {{"listen", settings.listen}});
  }
}

/// Without a configuration there is no token: only where nobody from outside can come.
void Daemon::open_default_admin_port() {
  const std::string listen = config::process_environment()("ADAPTER_ADMIN_LISTEN").value_or("");
  if (listen.empty()) {
    return;
  }
  if (!http::is_loopback_name(http::host_in(listen))) {
    log::info("admin_waiting", "the admin port opens with a configuration that has a token for it",
              {{"listen", listen}});
    return;
  }
  try {
    open_admin_port(listen);
  } catch (const Error& error) {
    log::warning("admin_unavailable", error.text(), {{"listen", listen}});
  }
}

}  // namespace adapter::app
