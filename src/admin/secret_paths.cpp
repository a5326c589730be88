// SPDX-License-Identifier: Apache-2.0
#include "secret_paths.hpp"

#include <algorithm>
#include <iterator>

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
  std::ranges::sort(paths_);
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
}

/// The longest path that `text`, which is not empty, begins with; empty when there is none.
std::string_view SecretPaths::path_at_begin(std::string_view text) const {
  if (paths_.empty() || text.front() < paths_.front().front() || text.front() > paths_.back().front()) {
    return {};  // nearly always: they all begin with "/"
  }
  auto end = std::ranges::upper_bound(paths_, text);
  while (end != paths_.begin()) {
    const std::string& nearest = *std::prev(end);
    if (text.starts_with(nearest)) {
      return nearest;
    }
    // What stands between the two has no more in common with the text than this one.
    const auto common = std::ranges::mismatch(nearest, text).in2 - text.begin();
    text = text.substr(0, static_cast<std::size_t>(common));
    end = std::upper_bound(paths_.begin(), end, text);
  }
  return {};
}

std::string SecretPaths::hidden_in(std::string_view text) const {
  std::string result;
  while (!text.empty()) {
    const std::string_view path = path_at_begin(text);
    if (path.empty()) {
      result += text.front();
      text.remove_prefix(1);
    } else {
      result += "…";
      result += path.substr(path.rfind('/'));
      text.remove_prefix(path.size());
    }
  }
  return result;
}

}  // namespace adapter::admin
