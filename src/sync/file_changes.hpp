// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "adapter/base/file_version.hpp"

namespace adapter::sync {

/// A repository whose last attempt failed.
struct FailingRepository {
  std::string name;
  bool waits_for_files = false;  ///< for the next attempt, which a change of one of `files` may let succeed
  std::vector<std::filesystem::path> files{};     ///< empty unless it waits for them
  std::chrono::system_clock::time_point tried{};  ///< when that attempt began, to some milliseconds
};

/// Finds out whose wait a changed file ends. Without I/O: it is told the version of each file.
class FileChanges {
public:
  using Versions = std::map<std::filesystem::path, FileVersion>;

  /// The repositories that wait for a file which is not what it was at the look before: each version of a file is
  /// reported once to each repository, however many of them wait for it and whenever their attempts fail. A file that
  /// is looked at for a repository for the first time counts when it changed after the attempt that failed began, or
  /// within a tick of the volume's clock before. Forgets repositories that no longer fail.
  [[nodiscard]] std::vector<std::string> look(const std::vector<FailingRepository>& failing, const Versions& versions);

private:
  std::map<std::string, Versions> seen_;  ///< by repository, through its attempts
};

}  // namespace adapter::sync
