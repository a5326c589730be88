// SPDX-License-Identifier: Apache-2.0
#include "server/access.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/http/authority.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"

namespace adapter::admin {
namespace {

/// What comes after "Scheme " in an Authorization; schemes compare without case.
std::optional<std::string_view> credentials_of(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      !equal_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return trim(value.substr(scheme.size()));
}

std::optional<Secret> offered_token(std::string_view authorization) {
  if (const auto bearer = credentials_of(authorization, "Bearer")) {
    return Secret(*bearer);
  }
  if (const auto basic = credentials_of(authorization, "Basic")) {
    const auto pair = from_base64(*basic);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) {
      return Secret(std::string_view(*pair).substr(colon + 1));
    }
  }
  return std::nullopt;
}

}  // namespace

void Access::apply(const config::Admin& admin, const std::string& listen) {
  std::shared_ptr<auth::SharedSecret> token;
  if (admin.token_file) {
    token = std::make_shared<auth::SharedSecret>(
        config::SecretSource{config::SecretSource::Kind::file, admin.token_file->native()});
  }
  const std::lock_guard lock(mutex_);
  hosts_ = admin.allowed_hosts;
  listen_ = listen;
  token_ = std::move(token);
}

std::optional<Error> Access::check_token() const {
  const std::shared_ptr<auth::SharedSecret> token = this->token();
  std::optional<Error> failure = token ? token->look().failure : std::nullopt;
  if (failure) {
    failure->add_context("admin.token_file");
  }
  return failure;
}

std::shared_ptr<auth::SharedSecret> Access::token() const {
  const std::lock_guard lock(mutex_);
  return token_;
}

bool Access::needs_token() const {
  return token() != nullptr;
}

bool Access::has_token(const http::RequestHead& head) {
  const std::shared_ptr<auth::SharedSecret> token = this->token();
  if (!token) {
    return true;
  }
  if (head.fields.count("Authorization") != 1) {
    return false;
  }
  const auth::SharedSecret::Look now = token->look();
  if (now.is_news) {
    log::warning("token_unreadable", now.failure->text(), {{"class", now.failure->error_class()}});
  }
  const std::optional<Secret> offered = offered_token(*head.fields.get("Authorization"));
  return !now.failure && offered && *offered == now.value;
}

bool Access::host_is_allowed(const http::RequestHead& head) const {
  const std::lock_guard lock(mutex_);
  if (token_) {
    return true;
  }
  const std::string_view name = http::host_in(head.host);
  if (name.empty() || http::is_loopback_name(name) || name == http::host_in(listen_)) {
    return !head.host.empty();
  }
  return std::ranges::any_of(hosts_,
                             [&](const std::string& allowed) { return allowed == head.host || allowed == name; });
}

bool Access::is_foreign(const http::RequestHead& head) {
  if (const auto site = head.fields.get("Sec-Fetch-Site"); site && *site != "same-origin" && *site != "none") {
    return true;
  }
  const auto origin = head.fields.get("Origin");
  if (!origin) {
    return false;
  }
  const std::size_t scheme = origin->find("://");
  return scheme == std::string_view::npos || to_lower(origin->substr(scheme + 3)) != head.host;
}

}  // namespace adapter::admin
