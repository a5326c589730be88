// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "adapter/http/redirect.hpp"
#include "adapter/log/log.hpp"

namespace adapter::transport {
namespace {

constexpr std::size_t max_shown_body_bytes = 200;

std::string_view media_type(const http::ResponseHead& head) {
  const std::string_view value = head.fields.get("Content-Type").value_or("");
  return trim(value.substr(0, value.find(';')));
}

std::string http_status(int status) {
  return " (HTTP " + std::to_string(status) + ")";
}

/// The server's own words, when they are meant for people without a browser. Some servers repeat what they were sent:
/// a secret is hidden before the cut may leave its first bytes.
std::string own_words(const Refusal& refusal) {
  const std::string_view body = trim(refusal.body);
  if (body.empty() || !equal_ignoring_case(media_type(refusal.head), "text/plain")) {
    return "";
  }
  return ": \"" + escape(log::redacted(body), max_shown_body_bytes) + "\"";
}

/// For a configuration of variables too.
std::string add_credential(const http::Url& url) {
  return "add one under `credentials:` with url " + url.origin().to_string() +
         "/, or ADAPTER_USERNAME and ADAPTER_PASSWORD_FILE beside ADAPTER_URL";
}

std::string unauthorized_text(const Refusal& refusal) {
  const std::string status = http_status(refusal.head.status);
  if (refusal.url.origin().scheme == "http") {
    return "the server asks for a credential" + status + ", and credentials are sent over https only: use an https url";
  }
  if (refusal.credential_key.empty()) {
    return "the server asks for a credential" + status +
           " and none is configured for this url: " + add_credential(refusal.url);
  }
  return "the server refused the credential " + refusal.credential_key + status +
         ": check under `credentials:` that it is right, has not expired and may read this repository";
}

std::string forbidden_text(const Refusal& refusal) {
  const std::string status = http_status(refusal.head.status);
  if (refusal.credential_key.empty()) {
    return "the server denies access without a credential" + status + ": " + add_credential(refusal.url);
  }
  return "the server denies access with the credential " + refusal.credential_key + status +
         ": it needs permission to read this repository";
}

std::string not_found_text(const Refusal& refusal) {
  const std::string missing = "there is no repository at this url" + http_status(refusal.head.status);
  return refusal.credential_key.empty() ? missing + ", or it is private and needs a credential under `credentials:`"
                                        : missing + ", or the credential " + refusal.credential_key + " may not see it";
}

Error rate_limited(const Refusal& refusal, std::optional<std::chrono::seconds> delay) {
  std::string text = "the server asks to slow down" + http_status(refusal.head.status);
  if (delay) {
    text += " and to come back in " + format_duration(*delay);
  }
  Error error(ErrorClass::rate_limited, text + own_words(refusal));
  if (delay) {
    error.set_retry_after(*delay);
  }
  return error;
}

Error protocol_error(const Refusal& refusal) {
  const int status = refusal.head.status;
  if (http::is_redirect_status(status)) {
    return Error(ErrorClass::protocol,
                 "the server redirected a POST" + http_status(status) + ", which is not followed");
  }
  return Error(ErrorClass::protocol, "the server refused the request" + http_status(status) + own_words(refusal));
}

}  // namespace

Error status_error(const Refusal& refusal) {
  const int status = refusal.head.status;
  const auto delay = http::retry_after(refusal.head, refusal.now);
  if (status == 429 || ((status == 403 || status == 503) && delay)) {
    return rate_limited(refusal, delay);
  }
  if (status == 401) {
    return Error(ErrorClass::auth, unauthorized_text(refusal) + own_words(refusal));
  }
  if (status == 403) {
    return Error(ErrorClass::auth, forbidden_text(refusal) + own_words(refusal));
  }
  if (status == 407) {
    return Error(ErrorClass::auth, "a proxy on the way asks for a credential" + http_status(status));
  }
  if (status == 404 || status == 410) {
    return Error(ErrorClass::not_found, not_found_text(refusal) + own_words(refusal));
  }
  if (status == 408 || status >= 500) {
    return Error(ErrorClass::network, "the server failed" + http_status(status) + own_words(refusal));
  }
  return protocol_error(refusal);
}

std::optional<Error> content_type_error(const http::ResponseHead& head, std::string_view expected) {
  const std::string_view type = media_type(head);
  if (equal_ignoring_case(type, expected)) {
    return std::nullopt;
  }
  const std::string shown = type.empty() ? "an answer without Content-Type" : escape(type, 100);
  std::string advice = "; check that the url is that of a repository";
  if (equal_ignoring_case(type, "text/html")) {
    advice += ", and not of a page about it or behind a login";
  }
  return Error(ErrorClass::protocol, "the server sent " + shown + " where " + std::string(expected) +
                                         " was expected: it does not speak git's smart HTTP there" + advice);
}

bool is_stale_status(int status) noexcept {
  return status == 400 || status == 404 || status == 405 || status == 410 || http::is_redirect_status(status);
}

}  // namespace adapter::transport
