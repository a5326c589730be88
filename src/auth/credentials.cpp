// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/credentials.hpp"

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::auth {
namespace {

constexpr std::uint64_t max_secret_bytes = 64ULL * 1024;

Error auth_error(const std::string& text) {
  return Error(ErrorClass::auth, text);
}

std::string name_of(const config::SecretSource& source) {
  const bool is_file = source.kind == config::SecretSource::Kind::file;
  return (is_file ? "secret file " : "environment variable ") + escape(source.where);
}

const config::SecretSource* source_of(const config::Credential& credential) {
  if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
    return &basic->password;
  }
  if (const auto* bearer = std::get_if<config::BearerCredential>(&credential.secret)) {
    return &bearer->token;
  }
  return nullptr;
}

/// The same for ever for a source that is not a file.
Result<FileStamp> stamp_of(const config::SecretSource& source) {
  if (source.kind == config::SecretSource::Kind::environment) {
    return FileStamp{};
  }
  const std::optional<FileStamp> stamp = FileStamp::of(source.where);
  if (!stamp) {
    return auth_error(storage_error(errno, "read", source.where).text());
  }
  return *stamp;
}

Result<Secret> read_bytes(const config::SecretSource& source, const config::Environment& environment) {
  if (source.kind == config::SecretSource::Kind::environment) {
    std::optional<std::string> value = environment(source.where);
    if (!value) {
      return auth_error(name_of(source) + " is not set");
    }
    return Secret(std::move(*value));
  }
  try {
    return Secret(read_file(source.where, max_secret_bytes));
  } catch (const Error& error) {
    return auth_error(error.text());
  }
}

/// The secret itself: what people's editors put behind it is dropped, what could change a request is refused.
Result<Secret> read_secret(const config::SecretSource& source, const config::Environment& environment) {
  Result<Secret> raw = read_bytes(source, environment);
  if (!raw) {
    return raw;
  }
  std::string_view bytes = raw->reveal();
  if (bytes.ends_with('\n')) {
    bytes.remove_suffix(1);
    if (bytes.ends_with('\r')) {
      bytes.remove_suffix(1);
    }
  }
  if (bytes.empty()) {
    return auth_error(name_of(source) + " is empty");
  }
  if (bytes.size() > max_secret_bytes) {
    return auth_error(name_of(source) + " is larger than " + std::to_string(max_secret_bytes) + " bytes");
  }
  if (bytes.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return auth_error(name_of(source) + " holds a line break or a NUL inside; it must be one line");
  }
  return Secret(bytes);
}

Secret basic_value(std::string_view username, const Secret& password) {
  std::string pair;
  pair.reserve(username.size() + 1 + password.reveal().size());
  pair += username;
  pair += ':';
  pair += password.reveal();
  const Secret joined(std::move(pair));
  const Secret encoded(base64(joined.reveal()));
  log::redact(encoded);
  std::string value;
  value.reserve(encoded.reveal().size() + 6);
  value += "Basic ";
  value += encoded.reveal();
  return Secret(std::move(value));
}

Secret bearer_value(const Secret& token) {
  std::string value;
  value.reserve(token.reveal().size() + 7);
  value += "Bearer ";
  value += token.reveal();
  return Secret(std::move(value));
}

Authorization make_authorization(const config::Credential& credential, const Secret& secret) {
  log::redact(secret);
  Authorization made;
  made.key = credential.url.display();
  if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
    made.header_value = basic_value(basic->username, secret);
    made.key += " (" + escape(basic->username) + ")";
  } else {
    made.header_value = bearer_value(secret);
    made.key += " (token)";
  }
  return made;
}

}  // namespace

/// A credential and what was read for it last.
struct Credentials::Entry {
  explicit Entry(config::Credential of) : credential(std::move(of)) {}
  config::Credential credential;
  FileStamp stamp;
  std::optional<Authorization> current;
};

Credentials::Credentials(std::vector<config::Credential> credentials, config::Environment environment)
    : environment_(std::move(environment)) {
  replace(std::move(credentials));
}

void Credentials::replace(std::vector<config::Credential> credentials) {
  entries_.clear();
  for (config::Credential& credential : credentials) {
    entries_.push_back(std::make_shared<Entry>(std::move(credential)));
  }
}

Result<std::optional<Authorization>> Credentials::authorization(const http::Url& url) {
  if (url.origin().scheme != "https") {
    return std::optional<Authorization>();
  }
  Entry* best = nullptr;
  for (const auto& entry : entries_) {
    const http::Url& prefix = entry->credential.url;
    if (url.is_below(prefix) && (best == nullptr || prefix.path().size() > best->credential.url.path().size())) {
      best = entry.get();
    }
  }
  const config::SecretSource* source = best != nullptr ? source_of(best->credential) : nullptr;
  if (source == nullptr) {
    return std::optional<Authorization>();
  }
  const auto in_context = [&](Error& error) {
    return std::move(error).with_context("credential for " + best->credential.url.display());
  };
  // The stamp is taken before the bytes are read: a change in between is noticed by the next look-up.
  Result<FileStamp> stamp = stamp_of(*source);
  if (!stamp) {
    best->current.reset();
    return in_context(stamp.error());
  }
  if (!best->current || !(best->stamp == *stamp)) {
    best->current.reset();
    Result<Secret> secret = read_secret(*source, environment_);
    if (!secret) {
      return in_context(secret.error());
    }
    best->stamp = *stamp;
    best->current = make_authorization(best->credential, *secret);
  }
  return best->current;
}

}  // namespace adapter::auth
