// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../../src/config/loader.hpp"
#include "adapter/base/error.hpp"
#include "adapter/base/text.hpp"
#include "adapter/config/load.hpp"

namespace adapter::config {

/// A secret that must not appear in any output.
inline constexpr std::string_view canary = "canary-5ecret";

inline Environment make_environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

/// The variables that the files of the corpus may use.
inline Environment corpus_environment() {
  return make_environment({{"HOME", "/home/me"},
                           {"BRANCH", "release/1.0"},
                           {"HOST", "git.example.com"},
                           {"DEPTH", "7"},
                           {"EMPTY", ""},
                           {"STRUCTURE", "x}, evil: {y: [1"},
                           {"CONTROL", "a\nb"},
                           {"SECRET", std::string(canary)}});
}

/// A file system of two levels that exists in memory only.
inline Files make_files(std::map<std::string, std::string> files) {
  Files result;
  result.working_directory = "/work";
  result.read = [files](const std::filesystem::path& file) {
    const auto found = files.find(file.string());
    if (found == files.end()) {
      throw Error(ErrorClass::storage, "cannot open " + file.string() + ": No such file or directory (ENOENT)");
    }
    return found->second;
  };
  result.glob = [files](const std::filesystem::path& folder, const std::string& pattern) {
    const std::string full = (folder / pattern).string();
    const std::string start = full.substr(0, full.find('*'));
    const std::string end = full.substr(full.find('*') + 1);
    std::vector<std::filesystem::path> found;
    for (const auto& [name, text] : files) {
      if (name.starts_with(start) && name.ends_with(end) && name.size() >= start.size() + end.size()) {
        found.insert(found.begin(), name);  // in falling order: the loader has to sort
      }
    }
    return found;
  };
  return result;
}

inline Loaded load(std::string text, std::map<std::string, std::string> files = {},
                   const Environment& environment = corpus_environment()) {
  return load_text(std::move(text), "/etc/adapter/config.yaml", environment, make_files(std::move(files)));
}

/// The folder that meson names.
inline std::filesystem::path folder(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

inline std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A file with one repository; `lines` are more keys of it.
inline std::string one_repository(const std::string& lines = {}) {
  std::string text = "repositories:\n  - name: docs\n    url: https://git.example.com/team/docs.git\n";
  std::size_t start = 0;
  while (start < lines.size()) {
    const std::size_t end = std::min(lines.find('\n', start), lines.size());
    text += "    " + lines.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return text;
}

inline std::string all_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += to_text(finding) + "\n";
  }
  return text;
}

}  // namespace adapter::config
