// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/secret.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"

/// Which credential belongs to a URL, and its bytes as they are now.
namespace adapter::auth {

struct Authorization {
  Secret header_value;  ///< "Basic …" or "Bearer …"
  std::string key;      ///< names the credential for the pool and for logs: its URL prefix and user; never its bytes
  /// Of what header_value is made of: kept for as long as an answer may repeat it.
  std::vector<log::Redaction> redactions;
};

/// The credential that a request to `url` shows: the one with the longest prefix, unless it has only a ca_file. Null
/// where there is none, and for http URLs always. Points into `credentials`.
[[nodiscard]] const config::Credential* credential_for(std::span<const config::Credential> credentials,
                                                       const http::Url& url);

/// Finds and reads credentials. Loop thread only. A worker looks at the file (Lane::files), at one of each credential
/// at a time: a stat tells whether to read again (identity, size, mtime, ctime). A file that hangs fails the requests
/// of its credential and holds up no others. Every secret in use is known to log::redacted.
class Credentials {
public:
  static constexpr std::chrono::seconds usual_patience{10};

  /// `workers`, and the loop, outlive the looks, which may outlive this object. `patience`: for one look.
  Credentials(async::Workers& workers, std::vector<config::Credential> credentials, config::Environment environment,
              std::chrono::milliseconds patience = usual_patience);

  /// For a request to `url` that goes over verified TLS: the Authorization of its credential_for(), or nullopt where
  /// that is null. Throws errors of class auth: the file or variable is missing, empty, over 64 KiB, holds CR, LF (one
  /// trailing newline is dropped) or NUL, or has not answered within the patience; the text names the place, never the
  /// bytes. Requests that ask while a look goes on share it, and its patience.
  asio::awaitable<std::optional<Authorization>> authorization(http::Url url);

  /// The prefix of the credential that authorization() takes for `url`; nullopt where it takes none.
  [[nodiscard]] std::optional<http::Url> prefix_for(const http::Url& url) const;

  /// The files that authorization() reads for `url`; none for a credential from the environment.
  [[nodiscard]] std::vector<std::filesystem::path> files_of(const http::Url& url) const;

  /// At a reload. What was read for a credential that stays as it is stays known.
  void replace(std::vector<config::Credential> credentials);

private:
  struct Entry;
  [[nodiscard]] std::shared_ptr<Entry> entry_of(const http::Url& url) const;

  async::Workers& workers_;
  std::chrono::milliseconds patience_;
  std::vector<config::Credential> credentials_;
  std::vector<std::shared_ptr<Entry>> entries_;  ///< one for each of credentials_, in their order
  config::Environment environment_;
};

}  // namespace adapter::auth
