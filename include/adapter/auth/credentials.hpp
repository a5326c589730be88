// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/base/secret.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "adapter/http/url.hpp"

/// Which credential belongs to a URL, and its bytes as they are now.
namespace adapter::auth {

struct Authorization {
  Secret header_value;  ///< "Basic …" or "Bearer …"
  std::string key;      ///< names the credential for the pool and for logs: its URL prefix and user; never its bytes
};

/// Finds and reads credentials. Loop thread only: the files are small and local, a stat per look-up tells whether to
/// read again (identity, size, mtime, ctime). Every secret read is registered with log::redact.
class Credentials {
public:
  Credentials(std::vector<config::Credential> credentials, config::Environment environment);

  /// For a request to `url` that goes over verified TLS: the longest matching prefix's Authorization, or nothing when
  /// no credential (or one with only a ca_file) matches. http URLs get nothing, ever. Errors of class auth: the file or
  /// variable is missing, empty, over 64 KiB, or holds CR, LF (one trailing newline is dropped) or NUL; the text names
  /// the place, never the bytes.
  [[nodiscard]] Result<std::optional<Authorization>> authorization(const http::Url& url);

  /// The files that authorization() reads for `url`; none for a credential from the environment.
  [[nodiscard]] std::vector<std::filesystem::path> files_of(const http::Url& url) const;

  void replace(std::vector<config::Credential> credentials);  ///< at a reload

private:
  struct Entry;
  [[nodiscard]] Entry* entry_of(const http::Url& url) const;

  std::vector<std::shared_ptr<Entry>> entries_;
  config::Environment environment_;
};

}  // namespace adapter::auth
