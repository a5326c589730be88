// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/config/checks.hpp"
#include "adapter/config/load.hpp"
#include "reader/yaml.hpp"

namespace adapter::config {

inline constexpr std::size_t max_included_files = 1'000;

/// The file system as the loader sees it; injected so that tests and fuzzing touch no disk.
struct Files {
  /// Throws an Error.
  std::function<std::string(const std::filesystem::path& file)> read;
  /// The files that match, in any order; nothing when none does. `folder` is literal.
  std::function<std::vector<std::filesystem::path>(const std::filesystem::path& folder, const std::string& pattern)>
      glob;
  /// Whether it is a directory; may be empty: none is.
  std::function<bool(const std::filesystem::path& path)> is_directory{};
  std::filesystem::path working_directory;
  std::uint64_t max_total_bytes = 64ULL * 1024 * 1024;  ///< of all included files
};
[[nodiscard]] Files real_files();

/// As load_file, of a main file whose bytes are at hand. `file` is its name in findings and what relative paths start
/// from. `named_files`, when not null, is given the files of secrets and certificates that it names.
[[nodiscard]] Loaded load_text(std::string text, const std::filesystem::path& file, const Environment& environment,
                               const Files& files, std::vector<NamedFile>* named_files = nullptr);

/// The typed configuration of a document made by hand from variables.
[[nodiscard]] Loaded load_document(const Document& document, const Environment& environment,
                                   std::vector<NamedFile>* named_files = nullptr);

}  // namespace adapter::config
