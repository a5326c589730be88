// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapter/base/file.hpp"

namespace adapter::sync {

/// A repository that waits after a failure which a change of one of these files may end.
struct WaitingForFiles {
  std::string repository;
  std::vector<std::filesystem::path> files;
  std::chrono::system_clock::time_point tried;  ///< when the attempt that failed began, to some milliseconds
};

/// Finds out whose wait a changed file ends. Without I/O: it is told what each file looks like.
class FileChanges {
public:
  using Stamps = std::map<std::filesystem::path, std::optional<FileStamp>>;  ///< nullopt: not there

  /// The repositories whose files are not what they were at the look before. A file that is looked at for the first
  /// time counts when it changed after the attempt that failed began. Forgets files that none waits for.
  [[nodiscard]] std::vector<std::string> look(const std::vector<WaitingForFiles>& waiting, Stamps stamps);

private:
  Stamps known_;
  std::map<std::string, std::chrono::system_clock::time_point> known_attempts_;  ///< by repository
};

}  // namespace adapter::sync
