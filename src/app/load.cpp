// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "adapter/auth/secret_reader.hpp"
#include "adapter/config/checks.hpp"
#include "adapter/net/tls_library.hpp"

namespace adapter::app {
namespace {

/// The names of variables that hold secrets, with the URL of the credential that names each.
std::map<std::string, std::string> variables_of_secrets(const config::Loaded& loaded) {
  std::map<std::string, std::string> variables;
  const auto add = [&](const config::Credential& credential, const config::SecretSource& secret) {
    if (secret.kind == config::SecretSource::Kind::environment) {
      variables[secret.where] = credential.url.display();
    }
  };
  const std::vector<config::Credential> none;
  for (const config::Credential& credential : loaded.config ? loaded.config->credentials : none) {
    if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
      add(credential, basic->password);
    } else if (const auto* bearer = std::get_if<config::BearerCredential>(&credential.secret)) {
      add(credential, bearer->token);
    }
  }
  return variables;
}

/// `used`: names that were read while loading.
void add_warnings_of_variables(config::Loaded& loaded, std::set<std::string> used, bool beside_a_file = false) {
  for (const auto& [variable, url] : variables_of_secrets(loaded)) {
    used.insert(variable);
  }
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

/// What is wrong with secrets in variables: those in files have a place of their own.
void add_warnings_of_secrets(config::Loaded& loaded) {
  for (const auto& [variable, url] : variables_of_secrets(loaded)) {
    const config::SecretSource source{config::SecretSource::Kind::environment, variable};
    const config::ContentFault fault = auth::examine_secret(source, config::process_environment());
    if (!fault.text.empty()) {
      config::Finding finding;
      finding.rule = "odd-secret";
      finding.message = "the credential for " + url;
      finding.message += ": ";
      finding.message += fault.text;
      finding.warning = true;
      loaded.findings.push_back(std::move(finding));
    }
  }
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
  if (choice.source == config::Source::environment) {
    loaded = examine ? config::examine_environment(environment, looks) : config::load_environment(environment);
  } else {
    loaded =
        examine ? config::examine_file(choice.file, environment, looks) : config::load_file(choice.file, environment);
  }
  if (examine) {
    add_warnings_of_secrets(loaded);
  }
  add_warnings_of_variables(loaded, std::move(used), choice.source == config::Source::file);
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
  return load(config::Choice{config::Source::file, file}, true);
}

void print_findings(const std::vector<config::Finding>& findings) {
  for (const config::Finding& finding : findings) {
    std::fprintf(stderr, "%s\n", config::to_text(finding).c_str());
  }
}

}  // namespace adapter::app
