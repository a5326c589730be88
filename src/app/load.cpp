// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <cstdio>
#include <utility>

namespace adapter::app {
namespace {

config::Loaded failed(std::string rule, std::string message) {
  config::Finding finding;
  finding.rule = std::move(rule);
  finding.message = std::move(message);
  config::Loaded loaded;
  loaded.findings.push_back(std::move(finding));
  return loaded;
}

}  // namespace

config::Loaded load_configuration(const Options& options) {
  const Result<config::Choice> choice = config::choose(options.config_file, config::process_environment());
  if (!choice) {
    return failed("no-configuration", choice.error().text());
  }
  if (choice->source == config::Source::none) {
    return failed("no-configuration",
                  "there is no configuration: name a file with --config or ADAPTER_CONFIG, put one at " +
                      choice->file.native() + ", or set ADAPTER_URL");
  }
  return load_choice(*choice);
}

config::Loaded load_choice(const config::Choice& choice) {
  const config::Environment environment = config::process_environment();
  return choice.source == config::Source::environment ? config::load_environment(environment)
                                                      : config::load_file(choice.file, environment);
}

void print_findings(const std::vector<config::Finding>& findings) {
  for (const config::Finding& finding : findings) {
    std::fprintf(stderr, "%s\n", config::to_text(finding).c_str());
  }
}

}  // namespace adapter::app
