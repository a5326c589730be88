// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/base/policy.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"
#include "adapter/schedule/schedule.hpp"

/// The configuration as typed, immutable values. Loading is in config/load.hpp.
namespace adapter::config {

enum class Sandbox : std::uint8_t { automatic, require, off };

/// Where a secret's bytes come from; read by the room `auth`, never by the parser.
struct SecretSource {
  enum class Kind : std::uint8_t { file, environment } kind = Kind::file;
  std::string
      where;  ///< an absolute path (relative ones are resolved against the file that names them), or a variable's name
  friend bool operator==(const SecretSource&, const SecretSource&) = default;
};

struct BasicCredential {
  std::string username;
  SecretSource password;
  friend bool operator==(const BasicCredential&, const BasicCredential&) = default;
};
struct BearerCredential {
  SecretSource token;
  friend bool operator==(const BearerCredential&, const BearerCredential&) = default;
};

struct Credential {
  http::Url url;                                                           ///< prefix, see Url::is_below
  std::variant<std::monostate, BasicCredential, BearerCredential> secret;  ///< monostate: only ca_file
  std::optional<std::filesystem::path> ca_file;
  friend bool operator==(const Credential&, const Credential&) = default;
};

struct Webhook {
  std::vector<std::filesystem::path> secret_files;  ///< one or two
  std::string kind;                                 ///< empty: recognised by the delivery's headers
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

struct Repository {
  std::string name;
  http::Url url;
  std::string ref = "HEAD";
  schedule::Schedule schedule;
  std::uint32_t depth = 1;  ///< 0: all history
  std::string link;         ///< relative to data_dir, normalised ("a/b")
  std::chrono::milliseconds timeout = default_sync_timeout;
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  NamePolicy names = NamePolicy::portable;
  Share share = Share::all;
  /// Repository before credential before top is resolved by the loader: this is the one that counts, if any.
  std::optional<std::filesystem::path> ca_file;
  bool allow_insecure = false;
  bool allow_loopback = false;
  std::optional<std::chrono::milliseconds> max_staleness;
  bool suspend = false;
  std::optional<Webhook> webhook;
  std::optional<std::chrono::milliseconds> every_when_hooked;
  Limits limits;
  friend bool operator==(const Repository&, const Repository&) = default;
};

/// Names everything that decides whether and how a commit is published; equal settings give equal texts. Kept on disk:
/// another text makes the next check look at the published commit again.
[[nodiscard]] std::string settings_fingerprint(const Repository& repository);

/// What the container image sets as ADAPTER_ADMIN_LISTEN.
inline constexpr std::string_view image_admin_listen = "127.0.0.1:8080";

struct Admin {
  std::string listen;  ///< "host:port"; empty: off
  /// The file or ADAPTER_ADMIN_LISTEN asks for `listen`: a daemon that cannot listen there does not start. False for
  /// the image's default in that variable, which the daemon tries again.
  bool listen_is_configured = false;
  std::optional<std::filesystem::path> token_file;
  std::vector<std::string> allowed_hosts;
  friend bool operator==(const Admin&, const Admin&) = default;
};

struct Concurrency {
  std::uint32_t syncs = 4;                 ///< 1…256
  std::uint32_t transfers = 32;            ///< packs being received, 1…1024
  std::uint32_t connections_per_host = 4;  ///< 1…64
  friend bool operator==(const Concurrency&, const Concurrency&) = default;
};

inline constexpr std::chrono::milliseconds default_prune_delay = std::chrono::hours(1);  ///< of `prune: true`

struct Config {
  std::filesystem::path data_dir;  ///< absolute
  std::uint32_t workers = 0;       ///< threads for long work; 0: by syncs and cores, the loader leaves 0
  log::Level log_level = log::Level::info;
  std::optional<log::Format> log_format;  ///< nothing: text on a terminal, else json
  Admin admin;
  Concurrency concurrency;
  std::vector<Credential> credentials;
  std::vector<Repository> repositories;          ///< in the order of the files
  std::optional<std::filesystem::path> ca_file;  ///< for a URL that is no repository's and has no credential's
  /// How long a repository has been gone from the configuration before link, trees and packs are removed, 100 ms…365 d
  /// of steady time; nullopt: they stay.
  std::optional<std::chrono::milliseconds> prune;
  Sandbox sandbox = Sandbox::automatic;
  /// Every file that was read, the main one first; empty for a configuration from variables.
  std::vector<std::filesystem::path> files;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace adapter::config
