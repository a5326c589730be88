// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

namespace adapter::http {

/// Where a request goes: two URLs with equal origins share connections and credentials, others never do.
struct Origin {
  std::string scheme;  ///< "https" or "http"
  std::string host;    ///< lower case; an IPv6 address without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Origin&, const Origin&) = default;
  friend auto operator<=>(const Origin&, const Origin&) = default;

  /// "https://host:8443"; the port only when it is not the scheme's; IPv6 in brackets.
  [[nodiscard]] std::string to_string() const;
  /// The value of a Host field: as to_string without the scheme.
  [[nodiscard]] std::string authority() const;
};

/// An absolute http or https URL, in the one grammar that everything in the program uses (a strict subset of RFC 3986):
/// no user info, no control byte or space before or after percent-decoding, no backslash, a host that is not empty, `?` and
/// `#` end the authority, port 1–65535, scheme and host in lower case, at most 4,096 bytes. A fragment is refused. The path
/// keeps its percent-encoding, with "." and ".." segments (also percent-encoded ones) refused; at least "/".
class Url {
public:
  /// Errors are of class config; they say what is wrong and, for user info, what to write instead — without repeating it.
  [[nodiscard]] static Result<Url> parse(std::string_view text);

  [[nodiscard]] const Origin& origin() const noexcept { return origin_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }    ///< begins with "/"
  [[nodiscard]] const std::string& query() const noexcept { return query_; }  ///< without "?"; empty when there is none
  /// path, and "?query" when there is one: what stands in a request line.
  [[nodiscard]] std::string target() const;
  /// For logs and errors: never the query.
  [[nodiscard]] std::string display() const;
  /// The whole URL again, query included.
  [[nodiscard]] std::string to_string() const;

  /// Path without trailing slashes + "/" + suffix, with its own query ("info/refs", "service=git-upload-pack").
  [[nodiscard]] Url with_suffix(std::string_view path_suffix, std::string_view query = {}) const;

  /// Whether `prefix` covers this URL: equal origins, and prefix.path() is a prefix that ends at a "/" boundary.
  [[nodiscard]] bool is_below(const Url& prefix) const noexcept;

  friend bool operator==(const Url&, const Url&) = default;

private:
  Origin origin_;
  std::string path_ = "/";
  std::string query_;
};

/// Whether the host is an address literal or a name that stands for this machine ("localhost", "*.localhost", 127/8, ::1).
[[nodiscard]] bool is_loopback_name(std::string_view host) noexcept;

}  // namespace adapter::http
