// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/file_version.hpp"
#include "adapter/config/config.hpp"

namespace adapter::config {

/// One thing that is wrong with a configuration.
struct Finding {
  std::string file;        ///< as given; empty for the environment
  std::size_t line = 0;    ///< from 1; 0 when it concerns the whole file
  std::size_t column = 0;  ///< from 1
  std::string rule;        ///< stable id for SARIF: "unknown-key", "wrong-type", "bad-value", "duplicate-key", …
  std::string key;         ///< full path, for example "repositories[2].url"; may be empty
  std::string message;     ///< what is wrong and what to write instead; never a secret
  bool warning = false;    ///< a warning does not make the configuration bad

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// "config.yaml:4:7: error: repositories[0].urll: unknown key; did you mean url?"
[[nodiscard]] std::string to_text(const Finding& finding);
/// {"findings": [{file, line, column, level, rule, key, message}]}
[[nodiscard]] std::string to_json(const std::vector<Finding>& findings);
/// SARIF 2.1.0.
[[nodiscard]] std::string to_sarif(const std::vector<Finding>& findings, std::string_view tool_version);

/// A variable of the environment; injected so that loading is testable.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
[[nodiscard]] Environment process_environment();
/// The value of a variable named ADAPTER_…; nullopt where it is not set or empty, which is the same for these.
[[nodiscard]] std::optional<std::string> variable(const Environment& environment, std::string_view name);

/// What a configuration was read from, as it was when it was read.
struct Sources {
  /// One of `include`.
  struct Pattern {
    std::filesystem::path folder;  ///< of the main file; literal
    std::string pattern;
    friend bool operator==(const Pattern&, const Pattern&) = default;
  };
  std::vector<std::filesystem::path> files;  ///< absolute; the main one first; empty for one from variables
  std::vector<Pattern> patterns;
  /// Of `files` and of what the patterns find; without a stamp when it is not there or cannot be reached.
  std::map<std::filesystem::path, FileVersion> versions{};
  friend bool operator==(const Sources&, const Sources&) = default;
};
/// The same files and patterns as they are now: different when loading them again may give something else. Blocks on a
/// few stats, and reads of files that changed a moment ago; any thread.
[[nodiscard]] Sources look_again(const Sources& sources);

struct Loaded {
  std::optional<Config> config;  ///< absent when a finding is an error
  std::vector<Finding> findings;
  /// Also when there is no config: what could be read of it, for whoever looks for the daemon that runs.
  Admin admin{};
  Sources sources{};  ///< also when there is no config
};

/// Reads a file and what it includes. Every error is found, not only the first. Never throws for bad input: an
/// unreadable file is a finding. Blocks on file reads; any thread.
[[nodiscard]] Loaded load_file(const std::filesystem::path& file, const Environment& environment);

/// The configuration of ADAPTER_URL and its kin (CONTRACT: one repository needs no file).
[[nodiscard]] Loaded load_environment(const Environment& environment);

enum class Source : std::uint8_t { file, environment, none };
struct Choice {
  Source source = Source::none;
  std::filesystem::path file;  ///< for Source::file; for none: where one is expected to appear
};

/// Which configuration counts: `--config`, else ADAPTER_CONFIG, else /etc/adapter/config.yaml if it exists; ADAPTER_URL
/// together with a file is a config error that names both. A file that was named and is missing is a config error too.
[[nodiscard]] Result<Choice> choose(const std::optional<std::filesystem::path>& option, const Environment& environment);

}  // namespace adapter::config
