// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
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
/// keep. With `beside_a_file` those too that are read only where there is none. `used` are the names that the
/// configuration itself mentions.
[[nodiscard]] std::vector<Finding> check_variables(const Variables& variables, const std::set<std::string>& used,
                                                   bool beside_a_file = false);

/// A file of secrets or certificates that a configuration names, and the place that names it.
struct NamedFile {
  Finding place;  ///< file, line, column and key; no message
  std::filesystem::path file;
};
/// What is wrong with the secret in a file that can be read, without any of its bytes; empty when nothing is.
using SecretLook = std::function<std::string(const std::filesystem::path&)>;

/// Warnings about named files that are missing, are no files or cannot be read by this process, and about what `look`
/// finds in those of secrets. Blocks on a look at each; any thread.
[[nodiscard]] std::vector<Finding> check_named_files(const std::vector<NamedFile>& files, const SecretLook& look);

/// As load_file and load_environment; the findings hold those of check_named_files too.
[[nodiscard]] Loaded examine_file(const std::filesystem::path& file, const Environment& environment,
                                  const SecretLook& look);
[[nodiscard]] Loaded examine_environment(const Environment& environment, const SecretLook& look);

}  // namespace adapter::config
