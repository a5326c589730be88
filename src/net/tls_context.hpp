// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "openssl.hpp"

namespace adapter::net {

/// The certificates that are trusted, by the file they come from. A file is looked at before each new connection and
/// read again when it has changed, see FileVersion. Loop thread only.
class TlsContexts {
public:
  static constexpr std::uint64_t max_ca_file_bytes = 8ULL * 1024 * 1024;

  TlsContexts();
  ~TlsContexts();

  /// A new client connection that verifies its peer against `ca_file`, or against the system's store, for `host` (a
  /// name or an address literal). Errors of class tls: the file is missing, too large, or holds no certificate; they
  /// name it.
  [[nodiscard]] Result<Ssl> new_connection(const std::optional<std::filesystem::path>& ca_file,
                                           const std::string& host);

private:
  struct Entry;
  [[nodiscard]] Result<SSL_CTX*> context(const std::optional<std::filesystem::path>& ca_file);

  std::map<std::filesystem::path, Entry> entries_;  ///< "" is the system's store
};

}  // namespace adapter::net
