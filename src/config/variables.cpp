// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/config/checks.hpp"

namespace adapter::config {
namespace {

constexpr std::string_view prefix = "ADAPTER_";

constexpr std::array<std::string_view, 12> known_variables{
    "ADAPTER_URL",      "ADAPTER_REF",      "ADAPTER_EVERY",         "ADAPTER_CRON",
    "ADAPTER_NAME",     "ADAPTER_USERNAME", "ADAPTER_PASSWORD_FILE", "ADAPTER_CA_FILE",
    "ADAPTER_DATA_DIR", "ADAPTER_CONFIG",   "ADAPTER_ADMIN_LISTEN",  "ADAPTER_ADMIN_TOKEN_FILE",
};

/// Read only where no file is configured.
constexpr std::array<std::string_view, 8> variables_instead_of_a_file{
    "ADAPTER_URL",  "ADAPTER_REF",      "ADAPTER_EVERY",         "ADAPTER_CRON",
    "ADAPTER_NAME", "ADAPTER_USERNAME", "ADAPTER_PASSWORD_FILE", "ADAPTER_CA_FILE",
};

/// Words of other tools, which an edit distance does not find.
struct Synonym {
  std::string_view word;
  std::string_view name;
};
constexpr std::array<Synonym, 12> synonyms{{
    {"ADAPTER_BRANCH", "ADAPTER_REF"},
    {"ADAPTER_TAG", "ADAPTER_REF"},
    {"ADAPTER_REPO", "ADAPTER_URL"},
    {"ADAPTER_REPOSITORY", "ADAPTER_URL"},
    {"ADAPTER_REMOTE", "ADAPTER_URL"},
    {"ADAPTER_INTERVAL", "ADAPTER_EVERY"},
    {"ADAPTER_PERIOD", "ADAPTER_EVERY"},
    {"ADAPTER_USER", "ADAPTER_USERNAME"},
    {"ADAPTER_PASSWORD", "ADAPTER_PASSWORD_FILE"},
    {"ADAPTER_ROOT", "ADAPTER_DATA_DIR"},
    {"ADAPTER_LISTEN", "ADAPTER_ADMIN_LISTEN"},
    {"ADAPTER_CONFIG_FILE", "ADAPTER_CONFIG"},
}};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_address(std::string_view value) {
  return value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
}

/// Whether the kubelet makes such a variable for a Service named adapter or adapter-x: …_SERVICE_HOST, …_SERVICE_PORT,
/// …_SERVICE_PORT_HTTP, …_PORT, …_PORT_8080_TCP, …_PORT_8080_TCP_ADDR and its kin.
bool is_made_by_kubernetes(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") ||
      name.find("_SERVICE_PORT_") != std::string_view::npos) {
    return true;
  }
  if (name.ends_with("_PORT") && is_address(value)) {
    return true;
  }
  const std::vector<std::string_view> parts = split(name, '_');
  for (std::size_t i = 1; i + 2 < parts.size(); ++i) {
    const std::string_view protocol = parts[i + 2];
    if (parts[i] == "PORT" && all_digits(parts[i + 1]) &&
        (protocol == "TCP" || protocol == "UDP" || protocol == "SCTP")) {
      return true;
    }
  }
  return false;
}

std::string_view meant_by(std::string_view name) {
  const std::string_view near = nearest(name, known_variables);
  for (const Synonym& synonym : synonyms) {
    if (near.empty() && synonym.word == name) {
      return synonym.name;
    }
  }
  return near;
}

std::string list_of_known() {
  std::string list;
  for (const std::string_view name : known_variables) {
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return list;
}

bool is_in_quotes(std::string_view value) {
  return value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
}

Finding warning(const std::string& name, std::string_view rule, std::string message) {
  Finding finding;
  finding.rule = rule;
  finding.key = escape(name, 128);
  finding.message = std::move(message);
  finding.warning = true;
  return finding;
}

}  // namespace

Variables process_variables() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

std::vector<Finding> check_variables(const Variables& variables, const std::set<std::string>& used,
                                     bool beside_a_file) {
  std::vector<Finding> findings;
  for (const auto& [name, value] : variables) {
    const bool known = std::find(known_variables.begin(), known_variables.end(), name) != known_variables.end();
    const bool read = known || used.contains(name);
    const bool instead_of_a_file = std::find(variables_instead_of_a_file.begin(), variables_instead_of_a_file.end(),
                                             name) != variables_instead_of_a_file.end();
    const bool is_set = !value.empty();  // these count as not set when they are empty
    if (beside_a_file && instead_of_a_file && is_set && !used.contains(name)) {
      findings.push_back(warning(name, "unused-variable",
                                 "a file is configured, and beside one this variable is not read; write it there"));
    }
    if (read && is_in_quotes(value)) {
      findings.push_back(warning(name, "quoted-variable",
                                 "the value is in quotes, which are part of it: an env file of Docker keeps them; "
                                 "remove them there"));
    }
    if (read || !name.starts_with(prefix) || is_made_by_kubernetes(name, value)) {
      continue;
    }
    const std::string_view meant = meant_by(name);
    findings.push_back(warning(name, "unknown-variable",
                               meant.empty()
                                   ? "nothing reads this variable; known are " + list_of_known()
                                   : "nothing reads this variable; did you mean " + std::string(meant) + "?"));
  }
  std::sort(findings.begin(), findings.end(), [](const Finding& left, const Finding& right) {
    return std::tie(left.key, left.rule) < std::tie(right.key, right.rule);
  });
  return findings;
}

}  // namespace adapter::config
