// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"

namespace adapter::app {

/// What a reload will do.
struct Reload {
  config::Config config;                   ///< the new one, with what cannot change taken from the old one
  std::vector<std::string> needs_restart;  ///< keys that differ and cannot change while running
  // Names of repositories.
  std::vector<std::string> added{};
  std::vector<std::string> removed{};
  std::vector<std::string> changed{};
};

/// Pure.
[[nodiscard]] Reload plan_reload(const config::Config& current, config::Config next);

/// One log line a finding, with its place.
void log_findings(const std::vector<config::Finding>& findings);

}  // namespace adapter::app
