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
/// no user info, no control byte or backslash before or after percent-decoding, no space (%20 is fine), a host that is
/// not empty, `?` and `#` end the authority, port 1–65535, scheme and host in lower case, at most 4,096 bytes. A
/// fragment is refused. The path keeps its percent-encoding, with "." and ".." segments (also percent-encoded ones)
/// refused; at least "/".
///
/// A host is a name of letters, digits, hyphens and underscores (other scripts in their xn-- form; one trailing dot is
/// dropped), an IPv4 address of four decimal parts, or an IPv6 address in brackets (kept in its shortest form, no
/// zone). A name that ends in a number but is no such address ("127.1", "0x7f.1") is refused: resolvers would read it
/// as one.
class Url {
public:
  /// Errors are of class config; they say what is wrong and, for user info, what to write instead. They never quote the
  /// text.
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

  /// Whether `prefix` covers this URL: equal origins, and prefix.path() is a prefix that ends at a "/" boundary: the
  /// prefixes "/team" and "/team/" both cover "/team" and "/team/docs", not "/teams". Bytes are compared: "%7E" is not
  /// "~". Queries play no part.
  [[nodiscard]] bool is_below(const Url& prefix) const noexcept;

  friend bool operator==(const Url&, const Url&) = default;

private:
  Origin origin_;
  std::string path_ = "/";
  std::string query_;
};

/// Whether the host is an address literal or a name that stands for this machine ("localhost", "*.localhost", 127/8,
/// ::1).
[[nodiscard]] bool is_loopback_name(std::string_view host) noexcept;

}  // namespace adapter::http
