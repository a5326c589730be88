// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace adapter::publish {

/// What a refused lock says of its holder.
struct LockHolder {
  std::string noted;  ///< the process id in .adapter/.lock; empty when there is none
  /// Processes that hold flock on data_dir or on what lies in .adapter, by /proc/locks: those of this host, in this pid
  /// namespace or below it. Empty where that file cannot be read too.
  std::vector<std::string> seen;
};

/// Reads `text`, which is in the format of /proc/locks, for the holders of flock on the inodes `inodes`
/// ("MAJOR:MINOR:INODE", hexadecimal device numbers as in that file). `noted` needs the inode only: some file systems
/// (btrfs) have one device number for stat and another one for locks.
[[nodiscard]] std::vector<std::string> flock_holders(std::string_view text, const std::vector<std::string>& inodes,
                                                     std::string_view noted);

/// What .adapter/.lock says; empty when it cannot be read. `own` is .adapter.
[[nodiscard]] std::string lock_note(int own);

/// Looks up to two seconds for a process that has just taken the lock and not written its number yet. `data` is
/// data_dir. Blocks.
[[nodiscard]] LockHolder find_lock_holder(int data);

/// The text of DirectoryBusy: who works there, or that a consumer of the volume may hold the lock; and the cure.
[[nodiscard]] std::string describe(const LockHolder& holder, const std::filesystem::path& data_dir);

}  // namespace adapter::publish
