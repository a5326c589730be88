// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapter/async/workers.hpp"
#include "openssl.hpp"

namespace adapter::net {

/// The certificates that are trusted, by the file they come from. A worker looks at a file before each new connection
/// (Lane::files), at one file once at a time, and reads it again when it has changed, see FileVersion. Loop thread
/// only.
class TlsContexts {
public:
  static constexpr std::uint64_t max_ca_file_bytes = 8ULL * 1024 * 1024;

  /// `workers`, and the loop, outlive the looks, which may outlive this object. `patience`: for one look.
  TlsContexts(async::Workers& workers, std::chrono::milliseconds patience);
  ~TlsContexts();

  /// A new client connection that verifies its peer against `ca_file`, or against the system's store, for `host` (a
  /// name or an address literal). Throws errors of class tls: the file is missing, too large, holds no certificate, or
  /// has not answered within the patience; they name it.
  asio::awaitable<Ssl> new_connection(std::optional<std::filesystem::path> ca_file, std::string host);

private:
  struct Entry;

  async::Workers& workers_;
  std::chrono::milliseconds patience_;
  std::map<std::filesystem::path, Entry> entries_;  ///< "" is the system's store
};

}  // namespace adapter::net
