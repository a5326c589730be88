// SPDX-License-Identifier: Apache-2.0
#include "process/sandbox.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <variant>

#include "adapter/base/text.hpp"
#include "adapter/http/authority.hpp"
#include "adapter/log/log.hpp"

namespace adapter::app {
namespace {

using std::filesystem::path;

/// Where name resolution, time zones, certificates and the C library's own modules are, on any distribution; /proc for
/// the figures of the process. Those that are not there do no harm.
constexpr const char* system_places[] = {
    "/etc",      "/usr",        "/lib",         "/lib64",      "/proc", "/sys/devices/system/cpu",
    "/dev/null", "/dev/random", "/dev/urandom", "/run/secrets"};
/// Often links to places that no list can know.
constexpr const char* system_files[] = {"/etc/resolv.conf", "/etc/hosts",        "/etc/nsswitch.conf",
                                        "/etc/localtime",   "/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"};
/// OpenSSL and the time zone library look where these say.
constexpr std::string_view variables_with_files[] = {"SSL_CERT_FILE", "OPENSSL_CONF"};
constexpr std::string_view variables_with_folders[] = {"SSL_CERT_DIR", "TZDIR"};

/// The files that a configuration names, and those that it was read from.
std::set<path> named_files(const config::Config& config, const config::Sources& sources) {
  std::set<path> files(sources.files.begin(), sources.files.end());
  const auto add = [&](const std::optional<path>& file) {
    if (file) {
      files.insert(*file);
    }
  };
  const auto add_secret = [&](const config::SecretSource& secret) {
    if (secret.kind == config::SecretSource::Kind::file) {
      files.emplace(secret.where);
    }
  };
  add(config.ca_file);
  add(config.admin.token_file);
  for (const config::Credential& credential : config.credentials) {
    add(credential.ca_file);
    if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
      add_secret(basic->password);
    } else if (const auto* bearer = std::get_if<config::BearerCredential>(&credential.secret)) {
      add_secret(bearer->token);
    }
  }
  for (const config::Repository& repository : config.repositories) {
    add(repository.ca_file);
    if (repository.webhook) {
      files.insert(repository.webhook->secret_files.begin(), repository.webhook->secret_files.end());
    }
  }
  return files;
}

bool is_folder(const path& candidate) {
  std::error_code ignored;
  return std::filesystem::is_directory(candidate, ignored);
}

path resolved(const path& file) {
  std::error_code failure;
  path real = std::filesystem::weakly_canonical(file, failure);
  return failure ? file : real;
}

/// Adds the nearest folder that is there, never the root of everything.
void add_folder(std::set<path>& places, path folder) {
  folder = folder.lexically_normal();
  while (folder.has_relative_path() && !is_folder(folder)) {
    folder = folder.parent_path();
  }
  if (folder.has_relative_path()) {
    places.insert(folder);
    places.insert(resolved(folder));
  }
}

void add_folder_of(std::set<path>& places, const path& file) {
  for (const path& name : {file.lexically_normal(), resolved(file)}) {
    if (name.parent_path().has_relative_path()) {
      add_folder(places, name.parent_path());
    } else {
      places.insert(name);
    }
  }
}

/// The part before the first component with a wildcard.
path literal_part(const config::Sources::Pattern& pattern) {
  path literal = pattern.folder;
  for (const path& part : path(pattern.pattern)) {
    if (part.native().find_first_of("*?[\\") != std::string::npos) {
      break;
    }
    literal /= part;
  }
  return literal;
}

bool is_below(const path& place, const path& folder) {
  const auto [rest, place_rest] = std::mismatch(folder.begin(), folder.end(), place.begin(), place.end());
  return rest == folder.end();
}

std::optional<std::uint16_t> port_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  std::uint16_t port = 0;
  const std::from_chars_result result = std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  return result.ec == std::errc() ? std::optional(port) : std::nullopt;
}

SandboxState without(const config::Config& config, int abi, std::string reason) {
  if (config.sandbox == config::Sandbox::require) {
    throw Error(ErrorClass::config, "the sandbox, on which the configuration insists, cannot be had: " + reason +
                                        "; write sandbox: auto to run without it");
  }
  log::warning("sandbox_unavailable",
               "going on without the sandbox: " + reason + "; sandbox: off accepts that without a warning",
               {{"landlock_abi", abi}});
  return {false, abi, std::move(reason), {}};
}

std::string joined(const std::vector<path>& places) {
  std::string text;
  for (const path& place : places) {
    text += (text.empty() ? "" : " ") + place.native();
  }
  return text;
}

}  // namespace

landlock::Rules sandbox_rules(const config::Config& config, const config::Sources& sources,
                              const config::Environment& environment) {
  std::set<path> places(std::begin(system_places), std::end(system_places));
  for (const char* file : system_files) {
    add_folder_of(places, file);
  }
  for (const std::string_view name : variables_with_files) {
    if (const auto file = environment(name); file && path(*file).is_absolute()) {
      add_folder_of(places, *file);
    }
  }
  for (const std::string_view name : variables_with_folders) {
    if (const auto folder = environment(name); folder && path(*folder).is_absolute()) {
      add_folder(places, *folder);
    }
  }
  for (const path& file : named_files(config, sources)) {
    add_folder_of(places, file);
  }
  for (const config::Sources::Pattern& pattern : sources.patterns) {
    add_folder(places, literal_part(pattern));
  }
  landlock::Rules rules;
  // In this order a folder comes before what is below it.
  for (const path& place : places) {
    const auto covers = [&](const path& folder) { return is_below(place, folder); };
    if (std::ranges::none_of(rules.readable, covers)) {
      rules.readable.push_back(place);
    }
  }
  rules.writable.push_back(config.data_dir);
  if (const auto port = port_of(config.admin.listen)) {
    rules.listenable.push_back(*port);
  }
  return rules;
}

SandboxState enter_sandbox(const config::Config& config, const config::Sources& sources,
                           const config::Environment& environment) {
  const landlock::Support support = landlock::support();
  if (config.sandbox == config::Sandbox::off) {
    log::info("sandbox_off", "the configuration says to run without the sandbox", {{"landlock_abi", support.abi}});
    return {false, support.abi, "switched off by the configuration", {}};
  }
  if (!support.reason.empty()) {
    return without(config, support.abi, support.reason);
  }
  landlock::Rules rules = sandbox_rules(config, sources, environment);
  try {
    landlock::confine(rules, support);
  } catch (const Error& error) {
    return without(config, support.abi, error.text());
  }
  log::info(
      "sandbox_on", "from here on only the data directory can be written to, and nothing can be executed",
      {{"landlock_abi", support.abi}, {"writable", joined(rules.writable)}, {"readable", joined(rules.readable)}});
  return {true, support.abi, {}, std::move(rules)};
}

std::vector<path> out_of_reach(const landlock::Rules& rules, const config::Config& config,
                               const config::Sources& sources) {
  std::vector<path> places = rules.readable;
  places.insert(places.end(), rules.writable.begin(), rules.writable.end());
  std::vector<path> missed;
  for (const path& file : named_files(config, sources)) {
    const path real = resolved(file);
    const auto covers = [&](const path& folder) { return is_below(real, folder) || is_below(real, resolved(folder)); };
    if (std::ranges::none_of(places, covers)) {
      missed.push_back(file);
    }
  }
  return missed;
}

void warn_of_files_out_of_reach(const SandboxState& sandbox, const config::Config& config,
                                const config::Sources& sources) {
  if (!sandbox.active) {
    return;
  }
  for (const path& file : out_of_reach(sandbox.rules, config, sources)) {
    log::warning("restart_needed",
                 "the sandbox was entered before " + escape(file.native()) +
                     " was named, and does not let it be read; restart to apply it",
                 {{"key", "sandbox"}, {"file", file.native()}});
  }
}

}  // namespace adapter::app
