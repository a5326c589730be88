// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "adapter/base/text.hpp"
#include "adapter/publish/publisher.hpp"
#include "folder.hpp"
#include "link.hpp"

namespace adapter::publish {
namespace {

constexpr mode_t shared_mode = 0755;

std::string octal(mode_t mode) {
  std::string text = "0";
  for (unsigned shift = 9; shift > 0; shift -= 3) {
    text += static_cast<char>('0' + ((mode >> (shift - 3U)) & 7U));
  }
  return text;
}

/// Why `folder` cannot be written to, and the usual cures.
Error unwritable_error(int error_number, const std::filesystem::path& folder) {
  if (error_number != EACCES && error_number != EPERM) {
    return volume_error(error_number, "write to", folder.native());
  }
  std::string text = "cannot write to " + escape(folder.native()) + " as user " + std::to_string(geteuid());
  struct stat info{};
  if (stat(folder.c_str(), &info) == 0) {
    text += ": it belongs to user " + std::to_string(info.st_uid) + ", group " + std::to_string(info.st_gid) +
            ", mode " + octal(info.st_mode);
  }
  text += "; either give the volume to that user (chown " + std::to_string(geteuid()) + " " + escape(folder.native()) +
          "), or run the adapter as its owner (--user; in Kubernetes runAsUser, or fsGroup for the volume)";
  return Error(ErrorClass::storage, text);
}

/// mkdir -p, with 0755 for what it makes, whatever the umask.
void make_folders(const std::filesystem::path& path) {
  std::filesystem::path done;
  for (const std::filesystem::path& part : path) {
    const std::filesystem::path parent = done;
    done /= part;
    if (part.empty()) {
      continue;
    }
    if (mkdir(done.c_str(), shared_mode) == 0) {
      const UniqueFd made = open_directory(done);
      correct_mode(made.get(), shared_mode, done.native());
      continue;
    }
    const int failure = errno;
    struct stat info{};
    if (stat(done.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) {
        continue;
      }
      throw Error(ErrorClass::storage,
                  "cannot use " + escape(path.native()) + ": " + escape(done.native()) + " is not a folder");
    }
    throw unwritable_error(failure, parent.empty() ? "." : parent);
  }
}

UniqueFd open_own_folder(const std::filesystem::path& data_dir) {
  // A volume that may not even be entered wants the same word about its owner as one that may not be written to.
  if (faccessat(AT_FDCWD, data_dir.c_str(), R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES) {
    throw unwritable_error(EACCES, data_dir);
  }
  const UniqueFd data = open_data_dir(data_dir);
  const bool made = mkdirat(data.get(), ".adapter", shared_mode) == 0;
  const int failure = errno;
  UniqueFd folder = open_if_there(data.get(), ".adapter");
  if (!folder) {
    throw unwritable_error(failure, data_dir);
  }
  correct_mode(folder.get(), shared_mode, ".adapter");
  if (made) {
    fsync_folder(data.get(), data_dir.native());
  }
  return folder;
}

std::string holder(int lock) {
  // Whoever has just taken the lock may not have written its number yet.
  for (int look = 0; look < 10; ++look) {
    std::array<char, 32> text{};
    const ssize_t size = pread(lock, text.data(), text.size(), 0);
    std::string_view pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    pid = pid.substr(0, pid.find('\n'));  // behind it the rest of a longer one, for a moment
    if (!pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos) {
      return "process " + std::string(pid);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return "another process";
}

DirectoryBusy busy_error(int lock, const std::filesystem::path& data_dir) {
  return DirectoryBusy(ErrorClass::storage, holder(lock) + " works on " + escape(data_dir.native()) +
                                                " already; stop it, or give this one a data_dir of its own");
}

void write_pid(int lock) {
  const std::string pid = std::to_string(getpid()) + "\n";
  // In this order there is always a number to be read.
  if (pwrite(lock, pid.data(), pid.size(), 0) < 0 || ftruncate(lock, static_cast<off_t>(pid.size())) != 0) {
    // A full volume: the lock holds all the same, only its name tag is missing.
    return;
  }
}

}  // namespace

DataDirectoryLock::DataDirectoryLock(const std::filesystem::path& data_dir) {
  make_folders(data_dir);
  folder_ = open_own_folder(data_dir);
  constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  bool writable = true;
  lock_ = UniqueFd(openat(folder_.get(), ".lock", O_RDWR | O_CREAT | flags, 0644));
  if (!lock_ && errno == EROFS) {
    writable = false;
    lock_ = UniqueFd(openat(folder_.get(), ".lock", O_RDONLY | flags));
    if (!lock_) {
      throw volume_error(EROFS, "write to", data_dir.native());
    }
  }
  if (!lock_) {
    throw unwritable_error(errno, data_dir / ".adapter");
  }
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      throw storage_error(errno, "lock", (data_dir / ".adapter/.lock").native());
    }
    throw busy_error(lock_.get(), data_dir);
  }
  // The file may be removed and made anew under its holder's hands; the folder stays the same one. Where folders cannot
  // be locked the file has to do.
  if (flock(folder_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw busy_error(lock_.get(), data_dir);
  }
  if (writable) {
    write_pid(lock_.get());
  }
}

}  // namespace adapter::publish
