// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapter/config/load.hpp"

/// Warnings beyond what loading finds: about the machine on which a configuration stands.
namespace adapter::config {

/// Names and values of all variables of an environment.
using Variables = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Variables process_variables();

/// Warnings about variables; none repeats a value. An ADAPTER_* variable that nothing reads, with the nearest name that
/// is read; those that Kubernetes makes for Services are left out. A value in quotes, which the env files of Docker
/// keep. `used` are the names that the configuration itself mentions.
[[nodiscard]] std::vector<Finding> check_variables(const Variables& variables, const std::set<std::string>& used);

/// A file of secrets or certificates that a configuration names, and the place that names it.
struct NamedFile {
  Finding place;  ///< file, line, column and key; no message
  std::filesystem::path file;
};
/// Warnings about named files that are missing, are no files or cannot be read by this process. Blocks on a look at
/// each; any thread.
[[nodiscard]] std::vector<Finding> check_named_files(const std::vector<NamedFile>& files);

/// As load_file and load_environment; the findings hold those of check_named_files too.
[[nodiscard]] Loaded examine_file(const std::filesystem::path& file, const Environment& environment);
[[nodiscard]] Loaded examine_environment(const Environment& environment);

}  // namespace adapter::config
