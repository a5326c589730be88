// SPDX-License-Identifier: Apache-2.0
#include "clone_url.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include "adapter/base/text.hpp"
#include "hooks/payload.hpp"

namespace adapter::admin {
namespace {

struct Address {
  http::Url url;
  bool names_port = false;
};

std::string_view plain_path(std::string_view path) noexcept {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (path.ends_with(".git")) {
    path.remove_suffix(4);
  }
  return path;
}

std::optional<Address> parse_as(std::string_view scheme, std::string_view authority, std::string_view path) {
  const auto user_end = authority.rfind('@');
  const auto host = user_end == std::string_view::npos ? authority : authority.substr(user_end + 1);
  std::string text(scheme);
  text += "://";
  text += host;
  if (!path.starts_with('/')) {
    text += '/';
  }
  text += path;
  auto url = http::Url::parse(text);
  if (!url || !url->query().empty()) {
    return std::nullopt;
  }
  const std::uint16_t usual = scheme == "http" ? 80 : 443;
  const bool names_port = url->origin().port != usual;
  return Address{std::move(*url), names_port};
}

// "ssh://git@host:2222/a/b": its port says nothing about where HTTPS is.
std::optional<Address> parse_foreign(std::string_view rest) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  auto address = parse_as("https", rest.substr(0, slash), rest.substr(slash));
  if (address) {
    address->names_port = false;
  }
  return address;
}

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() > max_clone_url_bytes) {
    return std::nullopt;
  }
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    // user@host:path, as git and scp write it.
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find('/') < colon) {
      return std::nullopt;
    }
    return parse_as("https", text.substr(0, colon), text.substr(colon + 1));
  }
  const std::string scheme = to_lower(text.substr(0, scheme_end));
  const auto rest = text.substr(scheme_end + 3);
  if (scheme == "ssh" || scheme == "git") {
    return parse_foreign(rest);
  }
  if (scheme != "http" && scheme != "https") {
    return std::nullopt;
  }
  const auto slash = rest.find('/');
  return parse_as(scheme, rest.substr(0, slash), slash == std::string_view::npos ? "" : rest.substr(slash));
}

}  // namespace

bool same_repository(const http::Url& configured, std::string_view clone_url) {
  const auto address = parse_address(clone_url);
  if (!address) {
    return false;
  }
  const auto path = plain_path(configured.path());
  return !path.empty() && path == plain_path(address->url.path()) &&
         configured.origin().host == address->url.origin().host &&
         (!address->names_port || configured.origin().port == address->url.origin().port);
}

}  // namespace adapter::admin
