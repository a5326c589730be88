// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

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

/// Finds and reads credentials. Loop thread only: the files are small and local, a stat per look-up tells whether to
/// read again (identity, size, mtime, ctime). Every secret in use is known to log::redacted.
class Credentials {
public:
  Credentials(std::vector<config::Credential> credentials, config::Environment environment);

  /// For a request to `url` that goes over verified TLS: the Authorization of its credential_for(), or nothing where
  /// that is null. Errors of class auth: the file or variable is missing, empty, over 64 KiB, or holds CR, LF (one
  /// trailing newline is dropped) or NUL; the text names the place, never the bytes.
  [[nodiscard]] Result<std::optional<Authorization>> authorization(const http::Url& url);

  /// The prefix of the credential that authorization() takes for `url`; nullopt where it takes none.
  [[nodiscard]] std::optional<http::Url> prefix_for(const http::Url& url) const;

  /// The files that authorization() reads for `url`; none for a credential from the environment.
  [[nodiscard]] std::vector<std::filesystem::path> files_of(const http::Url& url) const;

  void replace(std::vector<config::Credential> credentials);  ///< at a reload

private:
  struct Entry;
  [[nodiscard]] Entry* entry_of(const http::Url& url) const;

  std::vector<config::Credential> credentials_;
  std::vector<std::shared_ptr<Entry>> entries_;  ///< one for each of credentials_, in their order
  config::Environment environment_;
};

}  // namespace adapter::auth
