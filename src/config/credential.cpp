// SPDX-License-Identifier: Apache-2.0
#include "credential.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "adapter/base/text.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

constexpr std::string_view source_keys[] = {"password_file", "password_env", "token_file", "token_env"};

/// Tokens of forges that could pass for a variable's name.
bool looks_like_a_token(std::string_view text) {
  constexpr std::string_view beginnings[] = {"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"};
  return std::any_of(std::begin(beginnings), std::end(beginnings),
                     [text](std::string_view beginning) { return text.starts_with(beginning); });
}

/// The one source of the secret, a file or a variable, among two keys.
std::optional<SecretSource> read_source(Context& context, const Fields& fields, std::string_view file_key,
                                        std::string_view variable_key) {
  if (const auto path = fields.named_file(file_key)) {
    return SecretSource{SecretSource::Kind::file, path->string()};
  }
  const auto variable = fields.literal(variable_key, "a variable's name");
  if (!variable) {
    return std::nullopt;
  }
  if (!is_variable_name(*variable) || looks_like_a_token(*variable)) {
    // Not quoted: this is where people put the secret itself.
    context.report.error(fields.place_of(variable_key), "bad-value",
                         "is not a variable's name; write the name alone, for example GIT_TOKEN, without ${}");
    return std::nullopt;
  }
  static_cast<void>(context.environment(*variable));  // counts as read, also where the configuration has faults
  context.report.name_file(fields.place_of(variable_key), *variable, NamedFile::Kind::secret_variable);
  return SecretSource{SecretSource::Kind::environment, *variable};
}

/// Whether the keys make sense together.
bool check_combination(Context& context, const Fields& fields) {
  std::vector<std::string_view> given;
  for (const std::string_view source : source_keys) {
    if (fields.has(source)) {
      given.push_back(source);
    }
  }
  if (given.size() > 1) {
    context.report.error(fields.place_of(given[1]), "conflict",
                         "there is already " + std::string(given[0]) + "; keep one source of the secret");
    return false;
  }
  if (fields.refused_a_key()) {
    return false;  // what seems to be missing may be what that key was meant to be
  }
  const bool has_password = !given.empty() && given[0].starts_with("password");
  if (fields.has("username") && !has_password) {
    context.report.error(fields.place_of("username"), "conflict",
                         given.empty()
                             ? "a user name needs a password; write password_file: PATH or password_env: VARIABLE"
                             : "a token is sent without a user name; remove username, or write password_file "
                               "in place of " +
                                   std::string(given[0]));
    return false;
  }
  if (has_password && !fields.has("username")) {
    context.report.error(fields.place_of(given[0]), "missing-key",
                         "a password needs a user name; write username: NAME");
    return false;
  }
  if (given.empty() && !fields.has("ca_file")) {
    context.report.error(fields.place(), "missing-key",
                         "the entry gives nothing; write username with password_file, token_file, or ca_file");
    return false;
  }
  return true;
}

/// A URL in lower case, without slashes at its end.
std::string folded(const http::Url& url) {
  std::string text = to_lower(url.to_string());
  text.erase(text.find_last_not_of('/') + 1);
  return text;
}

/// A repository that `credential` would be for, were it not for upper and lower case in the path; null for none.
const Repository* find_differing_case(const Credential& credential, const std::vector<Repository>& repositories) {
  const std::string prefix = folded(credential.url);
  for (const Repository& repository : repositories) {
    const std::string url = folded(repository.url);
    const bool below = url.starts_with(prefix) && (url.size() == prefix.size() || url[prefix.size()] == '/');
    if (below && !repository.url.is_below(credential.url)) {
      return &repository;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<Located<Credential>> read_credential(Context& context, const Value& value) {
  Fields fields(context, value, Section::credential);
  if (value.node->kind != Node::Kind::mapping) {
    return std::nullopt;
  }
  Credential credential;
  bool good =
      fields.require("url", "write the prefix of the URLs that this is for, for example https://git.example.com/team/");
  if (const auto text = fields.text("url", "an https URL")) {
    const Result<http::Url> url = read_url(*text);
    if (!url) {
      context.report.error(fields.place_of("url"), "bad-url", url.error().text());
    } else if (url->origin().scheme != "https") {
      context.report.error(fields.place_of("url"), "insecure",
                           "a credential is never sent over http; write an https URL");
    }
    good = good && url && url->origin().scheme == "https";
    if (url) {
      credential.url = *url;
    }
  } else {
    good = false;
  }
  good = check_combination(context, fields) && good;
  const auto username = fields.text("username", "a user name");
  if (username && username->find(':') != std::string::npos) {
    context.report.error(fields.place_of("username"), "bad-value", "a user name cannot hold a colon");
    good = false;
  }
  const auto password = read_source(context, fields, "password_file", "password_env");
  const auto token = read_source(context, fields, "token_file", "token_env");
  credential.ca_file = fields.named_file("ca_file", NamedFile::Kind::certificates);
  if (username && password) {
    credential.secret = BasicCredential{*username, *password};
  } else if (token) {
    credential.secret = BearerCredential{*token};
  }
  if (!good) {
    return std::nullopt;
  }
  return Located<Credential>{std::move(credential), fields.place_of("url")};
}

void check_credentials(Context& context, const std::vector<Located<Credential>>& credentials,
                       const std::vector<Repository>& repositories, bool all_are_known) {
  std::map<std::string, const Place*> seen;
  for (const Located<Credential>& credential : credentials) {
    std::string prefix = credential.value.url.to_string();
    if (prefix.ends_with('/')) {
      prefix.pop_back();
    }
    const auto [first, added] = seen.emplace(std::move(prefix), &credential.place);
    if (!added) {
      context.report.error(credential.place, "duplicate",
                           "there is already a credential for this URL at " + first->second->text());
      continue;
    }
    const Repository* const differing = find_differing_case(credential.value, repositories);
    if (differing != nullptr) {
      context.report.warning(credential.place, "case-differs",
                             credential.value.url.display() + " is not used for " + differing->url.display() +
                                 " (repository " + differing->name +
                                 "): upper and lower case differ in the path, where it counts; write both alike");
      continue;
    }
    const bool used = std::any_of(repositories.begin(), repositories.end(), [&](const Repository& repository) {
      return repository.url.is_below(credential.value.url);
    });
    if (!used && all_are_known) {
      context.report.warning(credential.place, "unused", "no repository's URL begins with this one");
    }
  }
}

const Credential* find_credential(const std::vector<Located<Credential>>& credentials, const http::Url& url) {
  const Credential* best = nullptr;
  for (const Located<Credential>& credential : credentials) {
    const std::size_t length = credential.value.url.path().size();
    if (url.is_below(credential.value.url) && (best == nullptr || length > best->url.path().size())) {
      best = &credential.value;
    }
  }
  return best;
}

}  // namespace adapter::config
