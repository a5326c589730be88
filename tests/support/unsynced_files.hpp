// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "file_calls.hpp"

namespace adapter::testing {

/// What a power cut could still undo after a sequence of calls, by the strict reading of POSIX: fsync of a file covers
/// its bytes, fsync of a directory the names in it, syncfs both for all files; nothing else covers anything. What a
/// failed sync should have covered is lost: the kernel may have dropped the pages, and a later sync proves nothing of
/// it. It has to be written, or made, again.
class UnsyncedFiles {
public:
  /// Accounts for one more call. One that failed changes nothing, but for a sync.
  void see(const FileCall& call);
  /// Marks a name as made, and not synced, by an earlier process.
  void assume_name(const std::string& path) { names_.insert(path); }

  /// Lines "bytes PATH" and "name PATH" (made, replaced or removed), with "lost " before them after a failed sync, for
  /// paths below `root` and relative to it.
  /// "-" and the 16 random hexadecimal digits of temporary names become "-*".
  [[nodiscard]] std::vector<std::string> below(const std::string& root) const;

private:
  void note_name(const std::string& path);
  void note_bytes(const std::string& path);
  void see_sync(const FileCall& call);
  void see_removal(const std::string& path);
  void see_move(const FileCall& call);

  std::set<std::string> names_;
  std::set<std::string> bytes_;
  std::set<std::string> lost_names_;
  std::set<std::string> lost_bytes_;
};

/// Replaces the random part of temporary names: "trees/.tmp-0123456789abcdef/a" -> "trees/.tmp-*/a".
[[nodiscard]] std::string without_random(const std::string& path);

}  // namespace adapter::testing
