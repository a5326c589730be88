// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/config/checks.hpp"
#include "adapter/config/load.hpp"
#include "yaml.hpp"

namespace adapter::config {

inline constexpr std::size_t max_findings = 1'000;

/// Where in which file something stands. The document outlives it.
struct Place {
  const Document* document = nullptr;
  Mark mark;
  std::string path;  ///< of keys, "repositories[2].url"

  /// "conf.d/a.yaml:3:5", for a finding that speaks of a second place.
  [[nodiscard]] std::string text() const;
};

/// Collects findings in the order of files, lines and columns. After max_findings the rest is only counted.
class Report {
public:
  /// Files are listed in the order of these calls.
  void begin_file(const std::string& name) { files_.push_back(name); }

  void error(const Place& place, std::string_view rule, std::string message) {
    add(place, rule, std::move(message), false);
  }
  void warning(const Place& place, std::string_view rule, std::string message) {
    add(place, rule, std::move(message), true);
  }
  void add(Finding finding);

  /// A file of secrets or certificates, or the data directory, that the configuration names at `place`.
  void name_file(const Place& place, const std::filesystem::path& file, NamedFile::Kind kind);

  [[nodiscard]] bool has_errors() const noexcept { return errors_; }
  [[nodiscard]] std::vector<Finding> take();
  [[nodiscard]] std::vector<NamedFile> take_named_files() { return std::move(named_files_); }

private:
  void add(const Place& place, std::string_view rule, std::string message, bool warning);
  std::vector<Finding> findings_;
  std::vector<NamedFile> named_files_;
  std::vector<std::string> files_;  ///< in the order in which they were read
  std::size_t left_out_ = 0;
  bool errors_ = false;
};

}  // namespace adapter::config
