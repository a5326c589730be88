// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/config/load.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "version.hpp"

namespace adapter::app {

namespace {

std::string verdict(const config::Config& config, const std::string* file) {
  const std::string subject = file != nullptr ? escape(*file, 4096) + ": " : "";
  const std::size_t count = config.repositories.size();
  return subject + "the configuration is valid: " + std::to_string(count) +
         (count == 1 ? " repository" : " repositories") + "\n";
}

}  // namespace

int validate_command(const Options& options) {
  std::vector<const std::string*> files;
  files.reserve(options.names.size() + 1);
  for (const std::string& file : options.names) {
    files.push_back(&file);
  }
  if (files.empty()) {
    files.push_back(nullptr);
  }
  std::vector<config::Finding> findings;
  std::string verdicts;
  bool valid = true;
  for (const std::string* const file : files) {
    const config::Loaded loaded = file != nullptr ? examine_file(*file) : examine_configuration(options);
    findings.insert(findings.end(), loaded.findings.begin(), loaded.findings.end());
    valid = valid && loaded.config;
    verdicts += loaded.config ? verdict(*loaded.config, file) : "";
  }
  std::string out;
  if (options.format == "json") {
    out = config::to_json(findings);
  } else if (options.format == "sarif") {
    out = config::to_sarif(findings, version);
  } else {
    for (const config::Finding& finding : findings) {
      out += config::to_text(finding) + "\n";
    }
    out += verdicts;
  }
  if (!out.empty() && out.back() != '\n') {
    out += '\n';
  }
  std::fputs(out.c_str(), stdout);
  return valid ? exit_ok : exit_usage;
}

}  // namespace adapter::app
