// SPDX-License-Identifier: Apache-2.0
#include <asio/version.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "adapter/admin/server.hpp"
#include "adapter/net/tls_library.hpp"
#include "adapter/store/store.hpp"
#include "commands.hpp"
#include "process/landlock.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

std::string asio_version() {
  return std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) + "." +
         std::to_string(ASIO_VERSION % 100);
}

}  // namespace

int info_command(const Options& /*options*/) {
  nlohmann::ordered_json info;
  info["name"] = "adapter";
  info["version"] = version;
  info["build"] = build_type;
  info["capabilities"] = {"protocol-v2", "shallow",       "basic", "bearer",  "cron",     "every",
                          "include",     "shared-checks", "admin", "metrics", "webhooks", "sandbox"};
  info["libraries"]["asio"] = asio_version();
  info["libraries"]["openssl"] = net::tls_library_version();
  info["libraries"]["libgit2"] = store::library_version();
  info["libraries"]["cpp-httplib"] = admin::library_version();
  const landlock::Support support = landlock::support();
  info["sandbox"]["landlock_abi"] = support.abi;
  info["sandbox"]["available"] = support.reason.empty();
  if (!support.reason.empty()) {
    info["sandbox"]["reason"] = support.reason;
  }
  std::printf("%s\n", info.dump(2).c_str());
  return exit_ok;
}

}  // namespace adapter::app
