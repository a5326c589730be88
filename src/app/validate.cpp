// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <string>

#include "adapter/config/load.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "version.hpp"

namespace adapter::app {

int validate_command(const Options& options) {
  const config::Loaded loaded = load_configuration(options);
  std::string out;
  if (options.format == "json") {
    out = config::to_json(loaded.findings);
  } else if (options.format == "sarif") {
    out = config::to_sarif(loaded.findings, version);
  } else {
    for (const config::Finding& finding : loaded.findings) {
      out += config::to_text(finding) + "\n";
    }
    if (loaded.config) {
      out += "the configuration is valid: " + std::to_string(loaded.config->repositories.size()) + " repositories\n";
    }
  }
  if (!out.empty() && out.back() != '\n') {
    out += '\n';
  }
  std::fputs(out.c_str(), stdout);
  return loaded.config ? exit_ok : exit_usage;
}

}  // namespace adapter::app
