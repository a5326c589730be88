// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/auth/secret_reader.hpp"
#include "adapter/config/checks.hpp"
#include "adapter/net/tls_library.hpp"

namespace adapter::app {
namespace {

/// `used`: names that were read while loading.
void add_warnings_of_variables(config::Loaded& loaded, const std::set<std::string>& used, bool beside_a_file = false) {
  const std::vector<config::Finding> warnings =
      config::check_variables(config::process_variables(), used, beside_a_file);
  loaded.findings.insert(loaded.findings.end(), warnings.begin(), warnings.end());
}

config::Loaded failed(std::string rule, std::string message) {
  config::Finding finding;
  finding.rule = std::move(rule);
  finding.message = std::move(message);
  config::Loaded loaded;
  loaded.findings.push_back(std::move(finding));
  add_warnings_of_variables(loaded, {});
  return loaded;
}

config::Loaded load(const config::Choice& choice, bool examine) {
  std::set<std::string> used;
  const config::Environment environment = [&used, process = config::process_environment()](std::string_view name) {
    used.emplace(name);
    return process(name);
  };
  config::Loaded loaded;
  config::Looks looks;
  looks.secret = [](const std::filesystem::path& file) {
    return auth::examine_secret({config::SecretSource::Kind::file, file.native()}, {});
  };
  looks.certificates = [](const std::filesystem::path& file) {
    const std::optional<Error> failure = net::check_ca_file(file);
    return config::ContentFault{failure ? failure->text() : std::string(), true};
  };
  looks.secret_variable = [](const std::string& variable) {
    return auth::examine_secret({config::SecretSource::Kind::environment, variable}, config::process_environment());
  };
  if (choice.source == config::Source::environment) {
    loaded = examine ? config::examine_environment(environment, looks) : config::load_environment(environment);
  } else {
    loaded =
        examine ? config::examine_file(choice.file, environment, looks) : config::load_file(choice.file, environment);
  }
  add_warnings_of_variables(loaded, used, choice.source == config::Source::file);
  return loaded;
}

config::Loaded load(const Options& options, bool examine) {
  const Result<config::Choice> choice = config::choose(options.config_file, config::process_environment());
  if (!choice) {
    return failed("no-configuration", choice.error().text());
  }
  if (choice->source == config::Source::none) {
    return failed("no-configuration",
                  "there is no configuration: name a file with --config or ADAPTER_CONFIG, put one at " +
                      choice->file.native() + ", or set ADAPTER_URL");
  }
  return load(*choice, examine);
}

}  // namespace

config::Loaded load_configuration(const Options& options) {
  return load(options, false);
}

config::Loaded load_choice(const config::Choice& choice) {
  return load(choice, false);
}

config::Loaded examine_configuration(const Options& options) {
  return load(options, true);
}

config::Loaded examine_file(const std::filesystem::path& file) {
  const Result<config::Choice> choice = config::choose(file, config::process_environment());
  std::error_code ignored;
  if (!choice && std::filesystem::exists(file, ignored)) {
    return failed("no-configuration", choice.error().text());
  }
  return load(config::Choice{config::Source::file, file}, true);
}

void print_findings(const std::vector<config::Finding>& findings) {
  for (const config::Finding& finding : findings) {
    std::fprintf(stderr, "%s\n", config::to_text(finding).c_str());
  }
}

}  // namespace adapter::app
