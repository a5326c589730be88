// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/credentials.hpp"

#include <string_view>
#include <utility>
#include <variant>

#include "adapter/auth/secret_reader.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::auth {
namespace {

const config::SecretSource* source_of(const config::Credential& credential) {
  if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
    return &basic->password;
  }
  if (const auto* bearer = std::get_if<config::BearerCredential>(&credential.secret)) {
    return &bearer->token;
  }
  return nullptr;
}

/// What Basic sends: RFC 7617 §2.
Secret basic_pair(std::string_view username, const Secret& password) {
  std::string pair;
  pair.reserve(username.size() + 1 + password.reveal().size());
  pair += username;
  pair += ':';
  pair += password.reveal();
  const Secret joined(std::move(pair));
  return Secret(base64(joined.reveal()));
}

Secret with_scheme(std::string_view scheme, const Secret& value) {
  std::string text;
  text.reserve(scheme.size() + 1 + value.reveal().size());
  text += scheme;
  text += ' ';
  text += value.reveal();
  return Secret(std::move(text));
}

Authorization make_authorization(const config::Credential& credential, const Secret& secret) {
  Authorization made;
  made.redactions.emplace_back(secret);
  made.key = credential.url.display();
  if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
    const Secret pair = basic_pair(basic->username, secret);
    made.redactions.emplace_back(pair);
    made.header_value = with_scheme("Basic", pair);
    made.key += " (" + escape(basic->username) + ")";
  } else {
    made.header_value = with_scheme("Bearer", secret);
    made.key += " (token)";
  }
  return made;
}

}  // namespace

const config::Credential* credential_for(std::span<const config::Credential> credentials, const http::Url& url) {
  if (url.origin().scheme != "https") {
    return nullptr;
  }
  const config::Credential* best = nullptr;
  for (const config::Credential& each : credentials) {
    if (url.is_below(each.url) && (best == nullptr || each.url.path().size() > best->url.path().size())) {
      best = &each;
    }
  }
  return best != nullptr && source_of(*best) != nullptr ? best : nullptr;
}

/// A credential and what was read for it last.
struct Credentials::Entry {
  Entry(config::Credential of, const config::Environment& environment) : credential(std::move(of)) {
    if (const config::SecretSource* const source = source_of(credential)) {
      secret.emplace(*source, environment);
    }
  }
  config::Credential credential;
  std::optional<SecretReader> secret;
  std::optional<Authorization> current;
};

Credentials::Credentials(std::vector<config::Credential> credentials, config::Environment environment)
    : environment_(std::move(environment)) {
  replace(std::move(credentials));
}

void Credentials::replace(std::vector<config::Credential> credentials) {
  credentials_ = std::move(credentials);
  entries_.clear();
  for (const config::Credential& credential : credentials_) {
    entries_.push_back(std::make_shared<Entry>(credential, environment_));
  }
}

Credentials::Entry* Credentials::entry_of(const http::Url& url) const {
  const config::Credential* const chosen = credential_for(credentials_, url);
  return chosen != nullptr ? entries_[static_cast<std::size_t>(chosen - credentials_.data())].get() : nullptr;
}

std::optional<http::Url> Credentials::prefix_for(const http::Url& url) const {
  const config::Credential* const chosen = credential_for(credentials_, url);
  return chosen != nullptr ? std::optional(chosen->url) : std::nullopt;
}

std::vector<std::filesystem::path> Credentials::files_of(const http::Url& url) const {
  std::vector<std::filesystem::path> files;
  const Entry* const entry = entry_of(url);
  const config::SecretSource* const source = entry != nullptr ? source_of(entry->credential) : nullptr;
  if (source != nullptr && source->kind == config::SecretSource::Kind::file) {
    files.emplace_back(source->where);
  }
  return files;
}

Result<std::optional<Authorization>> Credentials::authorization(const http::Url& url) {
  Entry* const best = entry_of(url);
  if (best == nullptr) {
    return std::optional<Authorization>();
  }
  const auto in_context = [&](Error& error) {
    return std::move(error).with_context("credential for " + best->credential.url.display());
  };
  const Result<bool> changed = best->secret->refresh();
  if (!changed) {
    best->current.reset();
    Error error = changed.error();
    return in_context(error);
  }
  if (*changed || !best->current) {
    best->current = make_authorization(best->credential, best->secret->value());
  }
  return best->current;
}

}  // namespace adapter::auth
