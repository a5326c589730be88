// SPDX-License-Identifier: Apache-2.0
#include "process/sandbox.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <mutex>
#include <set>
#include <string_view>
#include <variant>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/http/authority.hpp"
#include "adapter/log/log.hpp"
#include "adapter/net/tls_library.hpp"

namespace adapter::app {
namespace {

using std::filesystem::path;

/// Where name resolution, time zones, certificates and the C library's own modules are, on any distribution; /proc for
/// the figures of the process. Those that are not there do no harm.
constexpr const char* system_places[] = {"/etc",
                                         "/usr",
                                         "/lib",
                                         "/lib64",
                                         "/proc",
                                         "/dev/null",
                                         "/dev/random",
                                         "/dev/urandom",
                                         "/run/secrets",
                                         "/run/systemd/resolve",
                                         "/run/NetworkManager",
                                         "/run/resolvconf",
                                         "/sys/devices/system/cpu"};
/// Often links to places that no list can know.
constexpr const char* linked_files[] = {"/etc/resolv.conf", "/etc/hosts",        "/etc/nsswitch.conf",
                                        "/etc/localtime",   "/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"};
/// OpenSSL and the time zone library look where these say; folders are a list.
constexpr std::string_view variables_with_files[] = {"SSL_CERT_FILE", "OPENSSL_CONF"};
constexpr std::string_view variables_with_folders[] = {"SSL_CERT_DIR", "TZDIR"};

/// As the kernel does.
constexpr int max_links_on_the_way = 40;

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

/// Adds the nearest folder that is there, never the root of everything.
void add_folder(std::set<path>& places, path folder) {
  while (folder.has_relative_path() && !is_folder(folder)) {
    folder = folder.parent_path();
  }
  if (folder.has_relative_path()) {
    places.insert(folder);
  }
}

/// A folder in which somebody may swap a link, and not the system's own, like /var/run.
bool may_hold_a_swapped_link(const path& folder) {
  return folder.has_relative_path() && folder != "/var";
}

/// Adds what the kernel goes through to get to `place`: the folder of each symbolic link on the way, since a link like
/// `current` is swapped to lead to a neighbour; and the end, where it is or where it is going to be.
path follow(std::set<path>& places, const path& place) {
  path done = "/";
  path rest = place.relative_path();
  for (int links = 0; !rest.empty();) {
    const path part = *rest.begin();
    path behind;
    for (auto item = std::next(rest.begin()); item != rest.end(); ++item) {
      behind /= *item;
    }
    const path next = part == ".." ? done.parent_path() : part == "." || part.empty() ? done : done / part;
    std::error_code no_link;
    const path target = std::filesystem::read_symlink(next, no_link);
    rest = std::move(behind);
    if (no_link || ++links > max_links_on_the_way) {
      done = next;
      continue;
    }
    if (may_hold_a_swapped_link(done)) {
      places.insert(done);
    }
    rest = rest.empty() ? target : target / rest;
    if (target.is_absolute()) {
      done = "/";
      rest = rest.relative_path();
    }
  }
  return done;
}

void add_folder_of(std::set<path>& places, const path& file) {
  const path real = follow(places, file);
  if (real.parent_path().has_relative_path()) {
    add_folder(places, real.parent_path());
  } else if (real.has_relative_path()) {
    places.insert(real);
  }
}

void add_real_folder(std::set<path>& places, const path& folder) {
  add_folder(places, follow(places, folder));
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

admin::Sandbox without(const config::Config& config, int abi, std::string reason) {
  if (config.sandbox == config::Sandbox::require) {
    throw Error(ErrorClass::config, "the sandbox, on which the configuration insists, cannot be had: " + reason +
                                        "; write sandbox: auto to run without it");
  }
  log::warning("sandbox_unavailable",
               "going on without the sandbox: " + reason + "; sandbox: off accepts that without a warning",
               {{"landlock_abi", abi}});
  return {false, abi, std::move(reason)};
}

/// Owner and mode let this process read it, which is what access() asks about, and opening it is refused all the same:
/// by the sandbox.
bool is_out_of_reach(const path& file) {
  if (faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0) {
    return false;
  }
  const UniqueFd opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  return !opened && errno == EACCES;
}

/// Files that a warning named since the last reload began. Any thread.
class Told {
public:
  static Told& instance() {
    static auto* const told = new Told;  // outlives threads that still read
    return *told;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    files_.clear();
  }
  /// Whether that is new.
  bool add(const path& file) {
    const std::lock_guard lock(mutex_);
    return files_.size() < most && files_.insert(file).second;
  }

private:
  static constexpr std::size_t most = 1000;
  std::mutex mutex_;
  std::set<path> files_;
};

void warn_out_of_reach(const path& file) {
  log::warning("restart_needed",
               "the sandbox does not let " + escape(file.native()) +
                   " be read: it was entered before that was named, made anew or re-pointed; restart to apply it",
               {{"key", "sandbox"}, {"file", file.native()}});
}

void warn_once(const path& file) {
  if (Told::instance().add(file)) {
    warn_out_of_reach(file);
  }
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
  for (const path& file : system_files()) {
    add_folder_of(places, file);
  }
  for (const std::string_view name : variables_with_files) {
    if (const auto file = environment(name); file && path(*file).is_absolute()) {
      add_folder_of(places, *file);
    }
  }
  for (const std::string_view name : variables_with_folders) {
    const std::string list = environment(name).value_or("");
    for (const std::string_view folder : split(list, ':')) {
      if (folder.starts_with('/')) {
        add_real_folder(places, folder);
      }
    }
  }
  add_real_folder(places, net::default_ca_folder());
  for (const path& file : named_files(config, sources)) {
    add_folder_of(places, file);
  }
  for (const config::Sources::Pattern& pattern : sources.patterns) {
    add_real_folder(places, literal_part(pattern));
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

admin::Sandbox enter_sandbox(const config::Config& config, const config::Sources& sources,
                             const config::Environment& environment) {
  const landlock::Support support = landlock::support();
  if (config.sandbox == config::Sandbox::off) {
    log::info("sandbox_off", "the configuration says to run without the sandbox", {{"landlock_abi", support.abi}});
    return {false, support.abi, "switched off by the configuration"};
  }
  if (!support.reason.empty()) {
    return without(config, support.abi, support.reason);
  }
  landlock::Rules rules;
  try {
    rules = landlock::confine(sandbox_rules(config, sources, environment), support);
  } catch (const Error& error) {
    return without(config, support.abi, error.text());
  }
  log::info(
      "sandbox_on", "from here on only the data directory can be written to, and nothing can be executed",
      {{"landlock_abi", support.abi}, {"writable", joined(rules.writable)}, {"readable", joined(rules.readable)}});
  observe_refused_reads(warn_once);
  return {true, support.abi, {}};
}

std::vector<path> out_of_reach(const config::Config& config, const config::Sources& sources) {
  std::set<path> names = named_files(config, sources);
  for (const config::Sources::Pattern& pattern : sources.patterns) {
    names.insert(literal_part(pattern));
  }
  std::vector<path> missed;
  std::ranges::copy_if(names, std::back_inserter(missed), is_out_of_reach);
  return missed;
}

void warn_of_files_out_of_reach(const admin::Sandbox& sandbox, const config::Config& config,
                                const config::Sources& sources) {
  if (sandbox.active) {
    std::ranges::for_each(out_of_reach(config, sources), warn_once);
  }
}

void forget_files_out_of_reach() {
  Told::instance().forget();
}

std::vector<path> system_files() {
  std::vector<path> files(std::begin(linked_files), std::end(linked_files));
  const path certificates = net::default_ca_file();
  if (std::ranges::find(files, certificates) == files.end()) {
    files.push_back(certificates);
  }
  return files;
}

SystemFileWatch::SystemFileWatch(std::vector<path> files) : files_(std::move(files)) {
  seen_.reserve(files_.size());
  std::ranges::transform(files_, std::back_inserter(seen_), stamps_of);
}

SystemFileWatch::Stamps SystemFileWatch::stamps_of(const path& file) noexcept {
  return {FileStamp::of_link(file), FileStamp::of(file)};
}

std::vector<path> SystemFileWatch::look() {
  std::vector<path> missed;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const Stamps now = stamps_of(files_[i]);
    if (std::exchange(seen_[i], now) != now && is_out_of_reach(files_[i])) {
      missed.push_back(files_[i]);
    }
  }
  return missed;
}

void warn_of_system_files_out_of_reach(const admin::Sandbox& sandbox, SystemFileWatch& watch) {
  if (sandbox.active) {
    std::ranges::for_each(watch.look(), warn_out_of_reach);
  }
}

}  // namespace adapter::app
