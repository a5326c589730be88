// SPDX-License-Identifier: Apache-2.0
#include "secret_paths.hpp"

#include <algorithm>

#include "adapter/base/text.hpp"

namespace adapter::admin {

SecretPaths::SecretPaths(const config::Config& config) {
  const auto add = [this](const std::string& path) {
    if (path.find('/') != std::string::npos) {
      paths_.push_back(escape(path, 4096));
    }
  };
  const auto add_source = [&](const config::SecretSource& source) {
    if (source.kind == config::SecretSource::Kind::file) {
      add(source.where);
    }
  };
  for (const config::Credential& credential : config.credentials) {
    if (const auto* basic = std::get_if<config::BasicCredential>(&credential.secret)) {
      add_source(basic->password);
    } else if (const auto* bearer = std::get_if<config::BearerCredential>(&credential.secret)) {
      add_source(bearer->token);
    }
  }
  for (const config::Repository& repository : config.repositories) {
    for (const auto& file :
         repository.webhook ? repository.webhook->secret_files : std::vector<std::filesystem::path>()) {
      add(file.native());
    }
  }
  if (config.admin.token_file) {
    add(config.admin.token_file->native());
  }
  std::ranges::sort(paths_,
                    [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
}

std::string SecretPaths::hidden_in(std::string_view text) const {
  std::string result(text);
  for (const std::string& path : paths_) {
    const std::string shown = "…" + path.substr(path.rfind('/'));
    for (std::size_t at = result.find(path); at != std::string::npos; at = result.find(path, at + shown.size())) {
      result.replace(at, path.size(), shown);
    }
  }
  return result;
}

}  // namespace adapter::admin
