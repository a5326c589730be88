// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/auth/secret_reader.hpp"
#include "adapter/base/error.hpp"
#include "adapter/config/load.hpp"
#include "adapter/http/url.hpp"
#include "options.hpp"

namespace adapter::app {

/// The admin port that a command asks, and what it shows there.
struct AdminTarget {
  explicit AdminTarget(http::Url of) : url(std::move(of)) {}

  http::Url url;                                 ///< of its page; the routes are below it
  bool from_configuration = false;               ///< `url` is what admin.listen says now
  std::optional<auth::SecretReader> token;       ///< has been read once
  std::string token_file;                        ///< where `token` is, for messages
  std::string no_token;                          ///< why there is none, for messages
  std::optional<std::filesystem::path> ca_file;  ///< replaces the system's store
};

/// Whether a command can do without a token that cannot be read, or must not be sent.
enum class TokenUse : std::uint8_t { wanted, optional };

/// Where: --admin, else admin.listen of the configuration, even of one with mistakes, since the daemon goes on with the
/// one before; else ADAPTER_ADMIN_LISTEN. The token: --admin-token-file, else admin.token_file of the configuration
/// where that can be read. It goes over https, and over http to this machine only.
///
/// Errors of class config: no port is known, a URL that is none, a named configuration that is missing, a token that
/// must not be sent; auth: the file of --admin-token-file cannot be read.
[[nodiscard]] Result<AdminTarget> find_admin(const Options& options, const config::Environment& environment,
                                             TokenUse use);

/// The URL at which a port that listens there is asked from this machine: "0.0.0.0:8080" is http://127.0.0.1:8080/.
[[nodiscard]] Result<http::Url> url_of_listen(std::string_view listen);

}  // namespace adapter::app
