// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"

namespace adapter::publish {

/// Another process owns the data directory, or a consumer of the volume locked it before a daemon could. The text names
/// the holder where it can be seen, else the commands that show it. The program exits 75.
class DirectoryBusy : public Error {
public:
  using Error::Error;
};

/// What DataDirectoryLock::renew() found.
enum class DirectoryState : std::uint8_t {
  held,      ///< nothing changed
  remade,    ///< .adapter was missing or another directory: there is a new one, and it is locked
  replaced,  ///< data_dir's path leads to nothing, to another directory or to another mount
};

/// Owns a data directory for the life of the object: holds flock(2) on data_dir, on data_dir/.adapter and on
/// data_dir/.adapter/.owner, which has mode 0700.
///
/// A process that may read the volume can lock the first two. Where it did, `.owner` decides: the lock is taken when
/// the last daemon noted in `.lock` that it held `.owner`, and has ended. `.lock` (mode 0600) stays open and locked
/// then, until the locks of both directories were got. Without that note a locked data_dir is a daemon's.
///
/// No file stays open on the volume otherwise, for a process that ends with one on a dead FUSE mount hangs in its
/// flush; the descriptors are of directories. `.adapter/.lock` holds the owner's pid and, in a second line, the inode
/// of `.owner`. It is locked too while that is written, so that version 0.1.0, which locks that file and .adapter, is
/// excluded in either order. Exceptions: where flock of a directory counts on this host only (NFS, SMB) or is refused,
/// `.lock` stays open and locked.
///
/// A daemon calls renew() with each round of its look at the volume, on the thread that may block on it, and acts by
/// the answer: `held`: nothing. `remade`: trees, packs and records are gone; every repository is checked again.
/// `replaced`: logs an error and ends with a code that restarts it, for sandbox rules and locks hold the inode of the
/// old directory. Not for several threads at once.
class DataDirectoryLock {
public:
  /// Makes data_dir and .adapter when they are missing, readable for all. Blocks, on a network volume perhaps for ever:
  /// see LockAttempt. Throws DirectoryBusy when another process owns the directory; a storage error that names user,
  /// owner, mode and the command that helps when it is not writable; one that says what to do where locks are refused.
  /// A read-only volume that was used before can be locked: what stands there is served on.
  explicit DataDirectoryLock(std::filesystem::path data_dir);

  /// Compares what the paths lead to with what is held: two opens and two stats. Makes and locks .adapter anew where it
  /// is missing. Blocks as long as the volume does. Throws storage errors, after which the lock on data_dir is still
  /// held: call it again with the next round. Throws DirectoryBusy when another process locked the new .adapter.
  [[nodiscard]] DirectoryState renew();

private:
  [[nodiscard]] bool take();
  [[nodiscard]] bool take_own_directory(UniqueFd owner);
  [[nodiscard]] UniqueFd lock_file(int own, bool& is_writable);
  void free_file();

  std::filesystem::path data_dir_;
  UniqueFd data_;
  UniqueFd own_;    ///< .adapter
  UniqueFd owner_;  ///< .adapter/.owner; empty where the volume refuses it
  UniqueFd file_;   ///< .adapter/.lock, where the locks of the directories do not do or are a consumer's
};

/// Takes the lock on a thread of its own, so that the caller can obey signals while the volume hangs. Logs `locking`
/// before the first call, and `lock_waits` when there is no answer after 2, 4, 8 … s, naming NFS and what to look at.
/// Used on one thread. An attempt that is destroyed leaves its thread behind; what that still gets is freed again.
class LockAttempt {
public:
  explicit LockAttempt(std::filesystem::path data_dir);

  /// Waits for the answer; true when it is there. Logs when it is late.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds patience);
  /// The lock, or what its constructor threw. Once, after wait_for() returned true.
  [[nodiscard]] std::unique_ptr<DataDirectoryLock> take();

private:
  struct Shared;

  std::filesystem::path data_dir_;
  std::shared_ptr<Shared> shared_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::seconds next_warning_{2};
};

}  // namespace adapter::publish
