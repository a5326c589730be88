// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "adapter/base/text.hpp"

namespace adapter::config {
namespace {

using enum Key::State;

constexpr std::array top_keys{
    Key{"data_dir"}, Key{"workers"},     Key{"log"},          Key{"admin"},   Key{"concurrency"},
    Key{"defaults"}, Key{"credentials"}, Key{"repositories"}, Key{"include"}, Key{"prune"},
    Key{"sandbox"},  Key{"ca_file"},     Key{"proxy", later},
};
constexpr std::array included_keys{Key{"credentials"}, Key{"repositories"}};
constexpr std::array log_keys{Key{"level"}, Key{"format"}};
constexpr std::array admin_keys{Key{"listen"}, Key{"token_file"}, Key{"allowed_hosts"}, Key{"token", secret},
                                Key{"password", secret}};
constexpr std::array concurrency_keys{Key{"syncs"}, Key{"transfers"}, Key{"connections_per_host"}};
constexpr std::array prune_keys{Key{"after"}};
constexpr std::array credential_keys{
    Key{"url"},
    Key{"username"},
    Key{"password_file"},
    Key{"password_env"},
    Key{"token_file"},
    Key{"token_env"},
    Key{"ca_file"},
    Key{"netrc_file", later},
    Key{"cookie_file", later},
    Key{"askpass_url", later},
    Key{"github_app", later},
    Key{"oauth", later},
    Key{"client_cert_file", later},
    Key{"client_key_file", later},
    Key{"pin_sha256", later},
    Key{"proxy", later},
    Key{"password", secret},
    Key{"token", secret},
};
constexpr std::array webhook_keys{Key{"secret_file"}, Key{"secret_files"}, Key{"kind"}, Key{"secret", secret},
                                  Key{"token", secret}};
/// What other tools call our keys; an edit distance does not find these.
struct Synonym {
  std::string_view word;
  std::string_view key;
};
constexpr std::array synonyms{
    Synonym{"branch", "ref"},     Synonym{"tag", "ref"},
    Synonym{"commit", "ref"},     Synonym{"revision", "ref"},
    Synonym{"interval", "every"}, Synonym{"period", "every"},
    Synonym{"poll", "every"},     Synonym{"schedule", "cron"},
    Synonym{"repo", "url"},       Synonym{"repository", "url"},
    Synonym{"remote", "url"},     Synonym{"uri", "url"},
    Synonym{"path", "link"},      Synonym{"dest", "link"},
    Synonym{"target", "link"},    Synonym{"directory", "link"},
    Synonym{"root", "data_dir"},  Synonym{"repos", "repositories"},
    Synonym{"tz", "timezone"},    Synonym{"user", "username"},
    Synonym{"cacert", "ca_file"}, Synonym{"insecure", "allow_insecure"},
    Synonym{"paused", "suspend"}, Synonym{"auth", "credentials"},
    Synonym{"port", "listen"},    Synonym{"address", "listen"},
    Synonym{"bind", "listen"},    Synonym{"includes", "include"},
    Synonym{"shallow", "depth"},  Synonym{"threads", "workers"},
};

/// What other tools call the switch that turns the verification of certificates off.
constexpr std::array<std::string_view, 10> switches_of_verification{
    "ssl_verify", "sslVerify",    "verify_ssl",      "tls_verify",           "verify_tls",
    "sslverify",  "tls_insecure", "skip_tls_verify", "insecure_skip_verify", "insecure_skip_tls_verify"};

std::vector<std::string_view> known_names(Section section) {
  std::vector<std::string_view> names;
  for (const Key& key : keys_of(section)) {
    if (key.state == known) {
      names.push_back(key.name);
    }
  }
  return names;
}

bool knows(Section section, std::string_view name) {
  for (const Key& key : keys_of(section)) {
    if (key.state == known && key.name == name) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::span<const Key> keys_of(Section section) noexcept {
  switch (section) {
    case Section::top:
      return top_keys;
    case Section::included:
      return included_keys;
    case Section::log:
      return log_keys;
    case Section::admin:
      return admin_keys;
    case Section::concurrency:
      return concurrency_keys;
    case Section::prune:
      return prune_keys;
    case Section::defaults:
      return defaults_keys();
    case Section::repository:
      return repository_keys();
    case Section::credential:
      return credential_keys;
    case Section::webhook:
      return webhook_keys;
    case Section::limits:
      return limit_keys();
  }
  return {};
}

std::string_view name_of(Section section) noexcept {
  switch (section) {
    case Section::top:
      return "the top of the file";
    case Section::included:
      return "the top of an included file";
    case Section::log:
      return "log";
    case Section::admin:
      return "admin";
    case Section::concurrency:
      return "concurrency";
    case Section::prune:
      return "prune";
    case Section::defaults:
      return "defaults";
    case Section::repository:
      return "a repository";
    case Section::credential:
      return "a credential";
    case Section::webhook:
      return "webhook";
    case Section::limits:
      return "limits";
  }
  return {};
}

std::string explain_unknown(Section section, std::string_view key) {
  if (std::find(switches_of_verification.begin(), switches_of_verification.end(), key) !=
      switches_of_verification.end()) {
    return "unknown key; certificates are always verified: name the CA of a server of your own with ca_file";
  }
  if (key == "<<") {
    return "unknown key; merge keys are not read here: put what repositories share under defaults";
  }
  if (section == Section::defaults && (key == "name" || key == "url" || key == "link")) {
    return "unknown key; each repository has its own " + std::string(key);
  }
  if (section == Section::included && knows(Section::top, key)) {
    return "unknown key; an included file holds credentials and repositories, the rest belongs in the main file";
  }
  const std::vector<std::string_view> names = known_names(section);
  std::string_view near = nearest(key, names);
  for (const Synonym& synonym : synonyms) {
    if (near.empty() && synonym.word == key && knows(section, synonym.key)) {
      near = synonym.key;
    }
  }
  if (!near.empty()) {
    return "unknown key; did you mean " + std::string(near) + "?";
  }
  for (const Section other : all_sections) {
    if (other != section && other != Section::defaults && knows(other, key)) {
      return "unknown key; it belongs in " + std::string(name_of(other));
    }
  }
  std::string list;
  for (const std::string_view name : names) {
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return "unknown key; known here: " + list;
}

}  // namespace adapter::config
