// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::http {
namespace {

constexpr std::size_t max_url_bytes = 4096;
constexpr std::size_t max_host_bytes = 253;
constexpr std::size_t max_label_bytes = 63;

// No sentence below quotes the text it is about: whatever is wrong with a URL, a password may be part of it.
Error bad_url(std::string message) {
  return Error(ErrorClass::config, std::move(message));
}

Error user_info_error() {
  return bad_url(
      "the URL holds a user name or password; leave them out and write an entry under `credentials:` with `username` "
      "and "
      "`password_file` instead");
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_control(unsigned char c) noexcept {
  return c < 0x20 || c == 0x7f;
}

// pchar of RFC 3986 without "%", and "/".
constexpr bool is_path_char(char c) noexcept {
  return is_digit(c) || is_alpha(c) ||
         (c != '\0' && std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string_view::npos);
}

std::optional<Error> check_bytes(std::string_view text) {
  if (text.empty()) {
    return bad_url("the URL is empty");
  }
  if (text.size() > max_url_bytes) {
    return bad_url("the URL is longer than 4096 bytes");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_control(byte)) {
      return bad_url("the URL holds a control character");
    }
    if (c == ' ') {
      return bad_url("the URL holds a space; write %20 where it is part of a path");
    }
    if (c == '\\') {
      return bad_url("the URL holds a backslash; use /");
    }
    if (byte >= 0x80) {
      return bad_url(
          "the URL holds a character outside ASCII; write a host name in its xn-- form and percent-encode a path");
    }
  }
  return std::nullopt;
}

// Percent-decodes a path or query, refusing what must not be there in either form.
Result<std::string> decode(std::string_view text, std::string_view where, std::string_view also_allowed) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '%') {
      if (!is_path_char(c) && also_allowed.find(c) == std::string_view::npos) {
        return bad_url("the URL's " + std::string(where) + " holds a character that must be percent-encoded there");
      }
      decoded.push_back(c);
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      return bad_url("the URL's " + std::string(where) + " holds a % that two hexadecimal digits do not follow");
    }
    const auto byte = static_cast<unsigned char>(high * 16 + low);
    if (is_control(byte)) {
      return bad_url("the URL's " + std::string(where) + " holds a percent-encoded control character");
    }
    if (byte == '\\') {
      return bad_url("the URL's " + std::string(where) + " holds a percent-encoded backslash");
    }
    decoded.push_back(static_cast<char>(byte));
    at += 2;
  }
  return decoded;
}

std::optional<Error> check_path(std::string_view path) {
  const auto decoded = decode(path, "path", "");
  if (!decoded) {
    return decoded.error();
  }
  // A percent-encoded slash counts as one here: some servers decode before they split.
  for (const auto segment : split(*decoded, '/')) {
    if (segment == "." || segment == "..") {
      return bad_url("the URL's path holds a \".\" or \"..\" segment; write the path without it");
    }
  }
  return std::nullopt;
}

template <int Family, std::size_t Size>
std::optional<std::array<unsigned char, Size>> parse_address(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> terminated{};
  std::array<unsigned char, Size> bytes{};
  if (text.empty() || text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::memcpy(terminated.data(), text.data(), text.size());
  if (inet_pton(Family, terminated.data(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return bytes;
}

// inet_pton of glibc refuses leading zeros, that of others may not.
std::optional<std::array<unsigned char, 4>> parse_ipv4(std::string_view text) noexcept {
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    if (text[at] == '0' && is_digit(text[at + 1]) && (at == 0 || text[at - 1] == '.')) {
      return std::nullopt;
    }
  }
  return parse_address<AF_INET, 4>(text);
}

Result<std::string> parse_ipv6(std::string_view text) {
  const auto address = parse_address<AF_INET6, 16>(text);
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  if (!address || inet_ntop(AF_INET6, address->data(), canonical.data(), canonical.size()) == nullptr) {
    return bad_url("the URL's host is in brackets and is not an IPv6 address (zones are not supported)");
  }
  return std::string(canonical.data());
}

// What inet_aton would read as a number: such a host is an address or nothing.
bool is_numeric(std::string_view label) noexcept {
  if (label.size() >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X')) {
    return std::all_of(label.begin() + 2, label.end(), [](char c) { return hex_value(c) >= 0; });
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

Result<std::string> parse_name(std::string_view text) {
  std::string host = to_lower(text);
  if (host.ends_with('.')) {
    host.pop_back();
  }
  if (host.empty()) {
    return bad_url("the URL has no host");
  }
  if (host.size() > max_host_bytes) {
    return bad_url("the URL's host is longer than 253 bytes");
  }
  const auto labels = split(host, '.');
  for (const auto label : labels) {
    if (label.empty() || label.size() > max_label_bytes) {
      return bad_url("the URL's host has a part between dots that is empty or longer than 63 bytes");
    }
    if (label.front() == '-' || label.back() == '-') {
      return bad_url("the URL's host has a part that begins or ends with a hyphen");
    }
    for (const char c : label) {
      if (!is_digit(c) && !is_alpha(c) && c != '-' && c != '_') {
        return bad_url("the URL's host holds a character that is neither letter, digit, hyphen, underscore nor dot");
      }
    }
  }
  if (is_numeric(labels.back()) && !parse_ipv4(host)) {
    return bad_url("the URL's host ends in a number and is not an IPv4 address of four decimal parts");
  }
  return host;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const bool digits = !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
  if (digits) {
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  if (!digits || text.front() == '0' || value > 65535) {
    return bad_url("the URL's port is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(value);
}

std::uint16_t default_port(std::string_view scheme) noexcept {
  return scheme == "https" ? 443 : 80;
}

Result<Origin> parse_authority(std::string_view scheme, std::string_view authority) {
  Origin origin{std::string(scheme), {}, default_port(scheme)};
  std::string_view host = authority;
  std::optional<std::string_view> port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) {
      return bad_url("the URL's host begins with [ and does not end with ]");
    }
    host = authority.substr(1, end - 1);
    const auto rest = authority.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') {
      return bad_url("the URL has something other than a port after the host's ]");
    }
    if (!rest.empty()) {
      port = rest.substr(1);
    }
  } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (port) {
    const auto number = parse_port(*port);
    if (!number) {
      return number.error();
    }
    origin.port = *number;
  }
  auto name = authority.starts_with('[') ? parse_ipv6(host) : parse_name(host);
  if (!name) {
    return name.error();
  }
  origin.host = std::move(*name);
  return origin;
}

Result<std::string> parse_scheme(std::string_view text) {
  const auto end = text.find("://");
  std::string scheme = to_lower(text.substr(0, end == std::string_view::npos ? 0 : end));
  if (scheme == "https" || scheme == "http") {
    return scheme;
  }
  const auto at = text.find('@');
  const auto colon = text.find(':');
  if (end == std::string_view::npos && at != std::string_view::npos && colon != std::string_view::npos && at < colon) {
    return bad_url("this is an address for SSH, which is not supported; write https://host/path");
  }
  return bad_url(
      "the URL does not begin with https:// (or http:// where `allow_insecure` is set); no other scheme is supported");
}

}  // namespace

std::string Origin::authority() const {
  const bool bracketed = host.find(':') != std::string::npos;
  std::string text = bracketed ? "[" + host + "]" : host;
  if (port != default_port(scheme)) {
    text += ":" + std::to_string(port);
  }
  return text;
}

std::string Origin::to_string() const {
  return scheme + "://" + authority();
}

Result<Url> Url::parse(std::string_view text) {
  if (auto error = check_bytes(text)) {
    return std::move(*error);
  }
  auto scheme = parse_scheme(text);
  if (!scheme) {
    return scheme.error();
  }
  const auto rest = text.substr(scheme->size() + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return user_info_error();
  }
  auto origin = parse_authority(*scheme, authority);
  if (!origin) {
    // A password with a "/" in it ends the authority early and looks like a bad port.
    return rest.find('@') != std::string_view::npos ? user_info_error() : origin.error();
  }
  auto tail = rest.substr(authority.size());
  if (tail.find('#') != std::string_view::npos) {
    return bad_url("the URL holds a fragment (#…), which no server ever sees; leave it out");
  }
  Url url;
  url.origin_ = std::move(*origin);
  if (const auto question = tail.find('?'); question != std::string_view::npos) {
    const auto query = tail.substr(question + 1);
    if (const auto decoded = decode(query, "query", "?"); !decoded) {
      return decoded.error();
    }
    url.query_ = query;
    tail = tail.substr(0, question);
  }
  if (auto error = check_path(tail)) {
    return std::move(*error);
  }
  if (!tail.empty()) {
    url.path_ = tail;
  }
  return url;
}

std::string Url::target() const {
  return query_.empty() ? path_ : path_ + "?" + query_;
}

std::string Url::display() const {
  return origin_.to_string() + path_;
}

std::string Url::to_string() const {
  return origin_.to_string() + target();
}

Url Url::with_suffix(std::string_view path_suffix, std::string_view query) const {
  Url result;
  result.origin_ = origin_;
  const auto last = path_.find_last_not_of('/');
  result.path_ = path_.substr(0, last == std::string::npos ? 0 : last + 1);
  result.path_ += '/';
  result.path_ += path_suffix;
  result.query_ = query;
  return result;
}

bool Url::is_below(const Url& prefix) const noexcept {
  if (origin_ != prefix.origin_) {
    return false;
  }
  std::string_view folder = prefix.path_;
  folder = folder.substr(0, folder.find_last_not_of('/') + 1);  // as with_suffix does; npos + 1 is 0
  const std::string_view path = path_;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool is_loopback_name(std::string_view host) noexcept {
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  constexpr std::string_view name = "localhost";
  if (host.size() >= name.size() && equal_ignoring_case(host.substr(host.size() - name.size()), name)) {
    return host.size() == name.size() || (host[host.size() - name.size() - 1] == '.' && host.size() > name.size() + 1);
  }
  if (const auto address = parse_ipv4(host)) {
    return (*address)[0] == 127;
  }
  const auto address = parse_address<AF_INET6, 16>(host);
  if (!address) {
    return false;
  }
  const bool leading_zeros =
      std::all_of(address->begin(), address->begin() + 10, [](unsigned char b) { return b == 0; });
  const bool mapped = (*address)[10] == 0xff && (*address)[11] == 0xff;
  if (leading_zeros && mapped) {
    return (*address)[12] == 127;
  }
  return leading_zeros &&
         std::all_of(address->begin() + 10, address->begin() + 15, [](unsigned char b) { return b == 0; }) &&
         (*address)[15] == 1;
}

}  // namespace adapter::http
