// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/credentials.hpp"

#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "adapter/async/shared_job.hpp"
#include "adapter/async/timeout.hpp"
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

/// The Authorization of a credential by its secret as it is now. One thread at a time; blocks on the file.
class AuthorizationReader {
public:
  AuthorizationReader(const config::Credential& credential, const config::SecretSource& source,
                      const config::Environment& environment)
      : credential_(credential), secret_(source, environment) {}

  Result<Authorization> read() {
    const Result<bool> changed = secret_.refresh();
    if (!changed) {
      current_.reset();
      return changed.error();
    }
    if (*changed || !current_) {
      current_ = make_authorization(credential_, secret_.value());
    }
    return *current_;
  }

private:
  config::Credential credential_;
  SecretReader secret_;
  std::optional<Authorization> current_;
};

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

/// A credential and what reads its secret.
struct Credentials::Entry {
  Entry(async::Workers& workers, const config::Credential& of, const config::Environment& environment)
      : credential(of), look(workers, "read a secret", async::Lane::files) {
    if (const config::SecretSource* const source = source_of(credential)) {
      reader = std::make_shared<AuthorizationReader>(credential, *source, environment);
    }
  }
  config::Credential credential;
  std::shared_ptr<AuthorizationReader> reader;  ///< null without a secret; belongs to the look that goes on
  async::SharedJob<Result<Authorization>> look;
};

Credentials::Credentials(async::Workers& workers, std::vector<config::Credential> credentials,
                         config::Environment environment, std::chrono::milliseconds patience)
    : workers_(workers), patience_(patience), environment_(std::move(environment)) {
  replace(std::move(credentials));
}

void Credentials::replace(std::vector<config::Credential> credentials) {
  std::map<std::string, std::shared_ptr<Entry>> known;
  for (std::shared_ptr<Entry>& entry : entries_) {
    known[entry->credential.url.display()] = std::move(entry);
  }
  credentials_ = std::move(credentials);
  entries_.clear();
  for (const config::Credential& credential : credentials_) {
    std::shared_ptr<Entry>& entry = known[credential.url.display()];
    if (!entry || entry->credential != credential) {
      entry = std::make_shared<Entry>(workers_, credential, environment_);
    }
    entries_.push_back(entry);
  }
}

std::shared_ptr<Credentials::Entry> Credentials::entry_of(const http::Url& url) const {
  const config::Credential* const chosen = credential_for(credentials_, url);
  return chosen != nullptr ? entries_[static_cast<std::size_t>(chosen - credentials_.data())] : nullptr;
}

std::optional<http::Url> Credentials::prefix_for(const http::Url& url) const {
  const config::Credential* const chosen = credential_for(credentials_, url);
  return chosen != nullptr ? std::optional(chosen->url) : std::nullopt;
}

std::vector<std::filesystem::path> Credentials::files_of(const http::Url& url) const {
  std::vector<std::filesystem::path> files;
  const config::Credential* const chosen = credential_for(credentials_, url);
  const config::SecretSource* const source = chosen != nullptr ? source_of(*chosen) : nullptr;
  if (source != nullptr && source->kind == config::SecretSource::Kind::file) {
    files.emplace_back(source->where);
  }
  return files;
}

asio::awaitable<std::optional<Authorization>> Credentials::authorization(http::Url url) {
  const std::shared_ptr<Entry> entry = entry_of(url);
  if (!entry) {
    co_return std::nullopt;
  }
  std::function<Result<Authorization>()> read = [reader = entry->reader] { return reader->read(); };
  std::optional<Result<Authorization>> found = co_await entry->look.run(std::move(read), patience_);
  if (!found) {
    const std::filesystem::path file = source_of(entry->credential)->where;
    found.emplace(async::slow_file_error(ErrorClass::auth, file, patience_));
  }
  if (!*found) {
    throw std::move(found->error()).with_context("credential for " + entry->credential.url.display());
  }
  co_return std::move(**found);
}

}  // namespace adapter::auth
