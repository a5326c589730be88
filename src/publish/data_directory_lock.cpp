// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/data_directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
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

/// Why `refusing`, a directory or a file, cannot be written to, and the usual cures. `everything`: what has to be given
/// away with all in it, so that the printed command suffices; empty: `refusing` alone.
Error unwritable_error(int error_number, const std::filesystem::path& refusing,
                       const std::filesystem::path& everything = {}) {
  if (error_number != EACCES && error_number != EPERM) {
    return volume_error(error_number, "write to", refusing.native());
  }
  std::string text = "cannot write to " + escape(refusing.native()) + " as user " + std::to_string(geteuid());
  struct stat info{};
  if (stat(refusing.c_str(), &info) == 0) {
    text += ": it belongs to user " + std::to_string(info.st_uid) + ", group " + std::to_string(info.st_gid) +
            ", mode " + octal(info.st_mode);
  }
  const std::string command = everything.empty()
                                  ? "chown " + std::to_string(geteuid()) + " " + escape(refusing.native())
                                  : "chown -R " + std::to_string(geteuid()) + " " + escape(everything.native());
  text += "; either give the volume to that user (" + command +
          "), or run the adapter as its owner (--user; in Kubernetes runAsUser, or fsGroup for the volume)";
  return Error(ErrorClass::storage, text);
}

/// The same for what is refused at or below data_dir.
Error unwritable_volume_error(int error_number, const std::filesystem::path& data_dir,
                              const std::filesystem::path& refusing) {
  constexpr int wanted = R_OK | W_OK | X_OK;
  if (faccessat(AT_FDCWD, data_dir.c_str(), wanted, AT_EACCESS) != 0) {
    return unwritable_error(error_number, data_dir, data_dir);
  }
  struct stat info{};
  const bool is_there = lstat(refusing.c_str(), &info) == 0;
  return unwritable_error(error_number, is_there ? refusing : refusing.parent_path(), data_dir / ".adapter");
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

UniqueFd open_data(const std::filesystem::path& data_dir) {
  // A volume that may not even be entered wants the same word about its owner as one that may not be written to.
  if (faccessat(AT_FDCWD, data_dir.c_str(), R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES) {
    throw unwritable_volume_error(EACCES, data_dir, data_dir);
  }
  return open_data_dir(data_dir);
}

/// .adapter, made when it is missing.
UniqueFd open_own(int data, const std::filesystem::path& data_dir) {
  const bool made = mkdirat(data, ".adapter", shared_mode) == 0;
  const int failure = errno;
  if (faccessat(data, ".adapter", R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES) {
    throw unwritable_volume_error(EACCES, data_dir, data_dir / ".adapter");
  }
  UniqueFd own = open_if_there(data, ".adapter");
  if (!own) {
    throw unwritable_volume_error(failure, data_dir, data_dir);
  }
  correct_mode(own.get(), shared_mode, ".adapter");
  if (made) {
    fsync_folder(data, data_dir.native());
  }
  return own;
}

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

struct stat stat_of(int fd, std::string_view path_for_errors) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    throw storage_error(errno, "look at", path_for_errors);
  }
  return info;
}

/// Whether flock of a directory counts on this host only; that of a file is sent to the server.
bool locks_of_directories_are_local(int fd) {
  constexpr unsigned nfs = 0x6969;
  constexpr unsigned cifs = 0xFF534D42;
  constexpr unsigned smb2 = 0xFE534D42;
  struct statfs info{};
  if (fstatfs(fd, &info) != 0) {
    return false;
  }
  const auto type = static_cast<unsigned>(info.f_type);
  return type == nfs || type == cifs || type == smb2;
}

enum class Lock : std::uint8_t { taken, busy, refused };

/// `refused` with errno set.
Lock try_lock(int fd) {
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Lock::busy;
    }
    if (errno != EINTR) {
      return Lock::refused;
    }
  }
  return Lock::taken;
}

Error refused_error(int error_number, const std::filesystem::path& path) {
  Error error = storage_error(error_number, "lock", path.native());
  if (error_number == ENOLCK || error_number == EOPNOTSUPP || error_number == ENOSYS) {
    return Error(
        ErrorClass::storage,
        error.text() +
            "; the volume refuses locks. On NFS 3 start the lock service (rpc.statd) on client and server, or, "
            "where this host alone writes to the volume, mount it with the option nolock (NFS 4: "
            "local_lock=flock has the same effect where it is known). Elsewhere use a volume that has flock");
  }
  return error;
}

/// `data` is data_dir.
std::string holder(int data) {
  // A process that has just taken the lock may not have written its number yet, nor have made the folder for it.
  for (int look = 0; look < 100; ++look) {
    std::array<char, 32> text{};
    const UniqueFd file(openat(data, ".adapter/.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const ssize_t size = file ? pread(file.get(), text.data(), text.size(), 0) : 0;
    std::string_view pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    pid = pid.substr(0, pid.find('\n'));  // behind it the rest of a longer one, for a moment
    if (!pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos) {
      return "process " + std::string(pid);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return "another process";
}

DirectoryBusy busy_error(int data, const std::filesystem::path& data_dir) {
  return DirectoryBusy(ErrorClass::storage, holder(data) + " works on " + escape(data_dir.native()) +
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

DataDirectoryLock::DataDirectoryLock(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {
  make_folders(data_dir_);
  data_ = open_data(data_dir_);
  const Lock lock = try_lock(data_.get());
  if (lock == Lock::busy) {
    throw busy_error(data_.get(), data_dir_);
  }
  take_own_directory();
}

/// Locks .adapter, made when it is missing, and writes the pid. What was held before is kept when it fails.
void DataDirectoryLock::take_own_directory() {
  UniqueFd own = open_own(data_.get(), data_dir_);
  if (try_lock(own.get()) == Lock::busy) {
    throw busy_error(own.get(), data_dir_);
  }
  own_ = std::move(own);
  lock_file();
}

void DataDirectoryLock::lock_file() {
  const std::filesystem::path path = data_dir_ / ".adapter/.lock";
  constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd file(openat(own_.get(), ".lock", O_RDWR | O_CREAT | flags, 0644));
  const bool writable = static_cast<bool>(file);
  if (!file && errno == EROFS) {
    file = UniqueFd(openat(own_.get(), ".lock", O_RDONLY | flags));
    if (!file) {
      throw volume_error(EROFS, "write to", data_dir_.native());
    }
  }
  if (!file) {
    throw unwritable_volume_error(errno, data_dir_, path);
  }
  // Version 0.1.0 locks the file first, for a moment also where it then finds the directory locked.
  Lock lock = try_lock(file.get());
  for (int tries = 0; lock == Lock::busy && tries < 10; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    lock = try_lock(file.get());
  }
  if (lock == Lock::busy) {
    throw busy_error(data_.get(), data_dir_);
  }
  if (lock == Lock::refused) {
    const int failure = errno;
    throw refused_error(failure, path);
  }
  if (writable) {
    write_pid(file.get());
  }
  // A lock of the directories that was refused is asked for again: the answer costs nothing and says whether it counts.
  const bool directories_do = try_lock(own_.get()) == Lock::taken && try_lock(data_.get()) == Lock::taken;
  file_ = directories_do && !locks_of_directories_are_local(own_.get()) ? UniqueFd() : std::move(file);
}

DirectoryState DataDirectoryLock::renew() {
  const UniqueFd data(open(data_dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!data) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return DirectoryState::replaced;
    }
    throw storage_error(errno, "open folder", data_dir_.native());
  }
  if (!is_same(stat_of(data.get(), data_dir_.native()), stat_of(data_.get(), data_dir_.native()))) {
    return DirectoryState::replaced;
  }
  const UniqueFd own = open_if_there(data.get(), ".adapter");
  if (own && own_ && is_same(stat_of(own.get(), ".adapter"), stat_of(own_.get(), ".adapter"))) {
    return DirectoryState::held;
  }
  take_own_directory();
  return DirectoryState::remade;
}

// ---- an attempt on a thread of its own

struct LockAttempt::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_done = false;
  std::unique_ptr<DataDirectoryLock> lock;
  std::exception_ptr failure;
};

LockAttempt::LockAttempt(std::filesystem::path data_dir)
    : data_dir_(std::move(data_dir)), shared_(std::make_shared<Shared>()), began_(std::chrono::steady_clock::now()) {
  log::info("locking", "taking the lock of the data directory", {{"data_dir", data_dir_.native()}});
  std::thread([shared = shared_, path = data_dir_] {
    std::unique_ptr<DataDirectoryLock> lock;
    std::exception_ptr failure;
    try {
      lock = std::make_unique<DataDirectoryLock>(path);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard guard(shared->mutex);
    shared->lock = std::move(lock);
    shared->failure = failure;
    shared->is_done = true;
    shared->changed.notify_all();
  }).detach();
}

bool LockAttempt::wait_for(std::chrono::milliseconds patience) {
  bool is_done = false;
  {
    std::unique_lock guard(shared_->mutex);
    is_done = shared_->changed.wait_for(guard, patience, [this] { return shared_->is_done; });
  }
  const auto waited = std::chrono::steady_clock::now() - began_;
  if (!is_done && waited >= next_warning_) {
    log::warning("lock_waits",
                 "the volume does not answer a lock: on NFS the server, or the lock service of client or server "
                 "(rpc.statd, lockd), is down or behind a firewall; on FUSE its process hangs. Mend it, or stop this "
                 "process and mount the volume anew",
                 {{"data_dir", data_dir_.native()},
                  {"seconds", std::chrono::duration_cast<std::chrono::seconds>(waited).count()}});
    next_warning_ *= 2;
  }
  return is_done;
}

std::unique_ptr<DataDirectoryLock> LockAttempt::take() {
  const std::lock_guard guard(shared_->mutex);
  if (shared_->failure) {
    std::rethrow_exception(std::exchange(shared_->failure, nullptr));
  }
  return std::move(shared_->lock);
}

}  // namespace adapter::publish
