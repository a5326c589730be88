// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/error.hpp"

namespace adapter {

/// Owns a file descriptor and closes it.
class UniqueFd {
public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

private:
  int fd_ = -1;
};

/// What changes when a file is replaced or rewritten: equal stamps mean that it need not be read again.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size_bytes = 0;
  timespec modified{};
  timespec changed{};

  /// Follows links. Nothing, and errno, when there is no such file or it cannot be reached. One system call.
  [[nodiscard]] static std::optional<FileStamp> of(const std::filesystem::path& path) noexcept;
  /// The same, of a symbolic link itself.
  [[nodiscard]] static std::optional<FileStamp> of_link(const std::filesystem::path& path) noexcept;
  friend bool operator==(const FileStamp& left, const FileStamp& right) noexcept;
};

/// An Error of class storage for a failed system call: "cannot rename /data/x: No space left on device (ENOSPC)".
/// `path` is escaped here. `error_number` is errno, read by the caller right after the call.
[[nodiscard]] Error storage_error(int error_number, std::string_view verb, std::string_view path);
/// EIO, ENODATA, EUCLEAN, EBADMSG and EREMOTEIO: with these a file system reports a lost sector or a wrong checksum, so
/// a damaged place rather than a bad moment; but also a volume that is gone.
[[nodiscard]] bool is_unreadable_place(int error_number) noexcept;

/// All functions below throw storage errors, retry EINTR, open with O_CLOEXEC, and may be called on any thread (they
/// block).

/// Opens a directory for use with the *at() calls. The last component must not be a symbolic link.
[[nodiscard]] UniqueFd open_directory(const std::filesystem::path& path);
[[nodiscard]] UniqueFd open_directory_at(int directory, const std::string& name);

/// mkdir unless it is there (as a directory, not a link) already; true when it was made.
bool ensure_directory_at(int directory, const std::string& name, mode_t mode);

void write_all(int fd, std::string_view bytes, std::string_view path_for_errors);

/// Names the function that read_file() calls, on the thread that reads, with each file that owner and mode let this
/// process read and whose opening is refused all the same (EACCES): by the sandbox, for which the caller sets it once,
/// before it enters it. Errors name the sandbox then. nullptr: none, as at first.
void observe_refused_reads(void (*observer)(const std::filesystem::path&)) noexcept;

/// The whole file; over `limit_bytes` is an error of class limit. Reads regular files only (a FIFO or device is refused
/// before it can block). The error for an empty directory at a path names Docker as its likely maker.
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::uint64_t limit_bytes);
[[nodiscard]] std::string read_file_at(int directory, const std::string& name, std::uint64_t limit_bytes);

/// Replaces `name` with `bytes`, all or nothing and durable: unique temporary name (".tmp-" prefix) in the same
/// directory, fsync, rename, fsync of the directory. `mode` is less the umask.
void replace_file_at(int directory, const std::string& name, std::string_view bytes, mode_t mode);

/// fsync whose success counts where the file can be looked at afterwards: XFS says yes to a directory whose changes
/// were thrown away because the file system shut down, and refuses every look from then on. 0, or -1 with errno.
[[nodiscard]] int checked_fsync(int fd) noexcept;
void fsync_fd(int fd, std::string_view path_for_errors);
/// Makes the names in a directory durable. A file system that cannot sync directories (EINVAL, some network and FUSE
/// ones) is not an error. EROFS is: the kernel made the volume read-only and may have dropped what was written before.
void fsync_folder(int folder, std::string_view path_for_errors);
/// The same where nothing was written now, and a volume that the kernel made read-only can still be read: false there.
bool fsync_folder_unless_read_only(int folder, std::string_view path_for_errors);

/// Gives a folder of our own exactly this mode, whatever umask, setgid folder or user had a say in it. One that belongs
/// to somebody else, or whose volume refuses it, stays as it is.
void correct_mode(int folder, mode_t mode, std::string_view path_for_errors);

/// Removes a file, or a directory with all below it, without following links or leaving `directory`; absent is fine.
/// Directories without permissions (a consumer's chmod) get them first; `directory` itself does not. Any depth and any
/// number of entries, with a bounded number of descriptors and memory.
/// Before each entry `give_up`, where there is one, is asked: true ends the removal with an error of class cancelled.
void remove_tree_at(int directory, const std::string& name, const std::function<bool()>& give_up = {});

/// "prefix" + 16 random hexadecimal digits.
[[nodiscard]] std::string unique_name(std::string_view prefix);

}  // namespace adapter
