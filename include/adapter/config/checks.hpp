// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
/// keep. With `beside_a_file` those too that are read only where there is none; an empty one of
/// them counts as not set. `used` are the names that the configuration itself mentions.
[[nodiscard]] std::vector<Finding> check_variables(const Variables& variables, const std::set<std::string>& used,
                                                   bool beside_a_file = false);

/// A file of secrets or certificates, the data directory, or a variable with a secret, that a configuration names, and
/// the place that names it.
struct NamedFile {
  enum class Kind : std::uint8_t { secret, certificates, directory, secret_variable };
  Finding place;               ///< file, line, column and key; no message
  std::filesystem::path file;  ///< secret_variable: the variable's name
  Kind kind = Kind::secret;
};
/// What is wrong with the content of a file that can be read, without any byte of a secret; an empty text: nothing.
struct ContentFault {
  std::string text;
  bool unusable = false;  ///< the program would refuse it; false: it only looks like a mistake
};
struct Looks {
  std::function<ContentFault(const std::filesystem::path&)> secret;
  std::function<ContentFault(const std::filesystem::path&)> certificates;
  std::function<ContentFault(const std::string& variable)> secret_variable{};  ///< may be empty: no look
};

/// Findings about named files and variables. Warnings: one that is missing, is no file or cannot be read by this
/// process, and a data directory that it cannot write or make, since this machine and its user need not be those it is
/// for; what `looks` finds odd. Errors: what can do on no machine, which is a file of
/// certificates without one, an admin token that is unusable while its port is open, a data directory that is a file.
/// Blocks on a look at each; any thread.
[[nodiscard]] std::vector<Finding> check_named_files(const std::vector<NamedFile>& files, const Looks& looks,
                                                     bool admin_is_open);

/// As load_file and load_environment; the findings hold those of check_named_files too.
[[nodiscard]] Loaded examine_file(const std::filesystem::path& file, const Environment& environment,
                                  const Looks& looks);
[[nodiscard]] Loaded examine_environment(const Environment& environment, const Looks& looks);

}  // namespace adapter::config
