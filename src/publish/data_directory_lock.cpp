// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/data_directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <random>
#include <string>
#include <thread>

#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "folder.hpp"
#include "link.hpp"
#include "lock_holder.hpp"

namespace adapter::publish {
namespace {

constexpr mode_t shared_mode = 0755;
constexpr int most_tries = 5;

std::string octal(mode_t mode) {
  std::string text = "0";
  for (unsigned shift = 9; shift > 0; shift -= 3) {
    text += static_cast<char>('0' + ((mode >> (shift - 3U)) & 7U));
  }
  return text;
}

/// ": it belongs to user 0, group 0, mode 0755"; empty where that cannot be seen.
std::string rights_of(const std::filesystem::path& place) {
  struct stat info{};
  if (stat(place.c_str(), &info) != 0) {
    return {};
  }
  return ": it belongs to user " + std::to_string(info.st_uid) + ", group " + std::to_string(info.st_gid) + ", mode " +
         octal(info.st_mode);
}

bool is_about_rights(int error_number) {
  return error_number == EACCES || error_number == EPERM;
}

/// Why `refusing`, a directory or a file, cannot be written to, and the usual cures. `everything`: what has to be given
/// away with all in it, so that the printed command suffices.
Error unwritable_error(int error_number, const std::filesystem::path& refusing,
                       const std::filesystem::path& everything) {
  if (!is_about_rights(error_number)) {
    return volume_error(error_number, "write to", refusing.native());
  }
  const std::string user = std::to_string(geteuid());
  return Error(ErrorClass::storage, "cannot write to " + escape(refusing.native()) + " as user " + user +
                                        rights_of(refusing) + "; either give the volume to that user (chown -R " +
                                        user + " " + escape(everything.native()) +
                                        "), or run the adapter as its owner (--user; in Kubernetes runAsUser, or "
                                        "fsGroup for the volume)");
}

/// `parent`, a directory on the way to data_dir, does not let what comes next be made or seen. It is another's, often
/// the system's, and stays so: the cure is a data_dir that was made before.
Error unmakable_error(int error_number, const std::filesystem::path& data_dir, const std::filesystem::path& parent) {
  const std::string name = "data_dir " + escape(data_dir.native());
  if (!is_about_rights(error_number)) {
    return volume_error(error_number, "make", name + " in " + escape(parent.native()));
  }
  const std::string user = std::to_string(geteuid());
  if (faccessat(AT_FDCWD, parent.c_str(), X_OK, AT_EACCESS) != 0) {
    return Error(ErrorClass::storage, name + " cannot be reached: user " + user + " may not enter " +
                                          escape(parent.native()) + rights_of(parent) +
                                          "; let that user enter it, or choose a data_dir that the user can reach");
  }
  return Error(ErrorClass::storage, name + " does not exist, and user " + user + " may not make it in " +
                                        escape(parent.native()) + rights_of(parent) +
                                        "; make it beforehand for that user (install -d -o " + user + " " +
                                        escape(data_dir.native()) + "), mount the volume there, or correct data_dir");
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
  return unwritable_error(error_number, is_there ? refusing : refusing.parent_path(), data_dir / volume::own_directory);
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
    throw unmakable_error(failure, path, parent.empty() ? "." : parent);
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
  const bool made = mkdirat(data, volume::own_directory, shared_mode) == 0;
  const int failure = errno;
  if (faccessat(data, volume::own_directory, R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES) {
    throw unwritable_volume_error(EACCES, data_dir, data_dir / volume::own_directory);
  }
  UniqueFd own = open_if_there(data, volume::own_directory);
  if (!own) {
    throw unwritable_volume_error(failure, data_dir, data_dir);
  }
  correct_mode(own.get(), shared_mode, volume::own_directory);
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

/// Another process has one of the locks. Who it is takes time to find out, when the locks held so far are given back.
struct Busy {};

/// `holds_some`: this process has locks too, and is not the one that is meant.
DirectoryBusy busy_error(int data, const std::filesystem::path& data_dir, bool holds_some) {
  LockHolder holder = find_lock_holder(data);
  if (holds_some) {
    std::erase(holder.seen, std::to_string(getpid()));
  }
  return DirectoryBusy(ErrorClass::storage, describe(holder, data_dir));
}

/// Two that start in the same moment may each find a lock that the other one has for a moment.
void wait_for_another_try() {
  std::uniform_int_distribution<int> milliseconds(20, 120);
  std::random_device random;
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
}

/// Behind the process id: which .owner its process holds. An earlier version reads the first line only.
std::string owner_line(int owner) {
  struct stat info{};
  const bool known = owner >= 0 && fstat(owner, &info) == 0;
  return known ? "owner " + std::to_string(info.st_ino) + "\n" : "";
}

void write_pid(int lock, int owner) {
  const std::string text = std::to_string(getpid()) + "\n" + owner_line(owner);
  // In this order there is always a number to be read.
  if (pwrite(lock, text.data(), text.size(), 0) < 0 || ftruncate(lock, static_cast<off_t>(text.size())) != 0) {
    // A full volume: the lock holds all the same, only its name tag is missing.
    return;
  }
}

/// The lock on .owner, when the last process that owned .adapter held it and has ended; empty otherwise. Where `.lock`
/// cannot be written to, its note may be older than an earlier version's daemon that runs.
UniqueFd lock_after_the_last_owner(int own) {
  if (faccessat(own, volume::lock_file, W_OK, AT_EACCESS) != 0) {
    return {};
  }
  UniqueFd owner(openat(own, volume::owner_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!owner || try_lock(owner.get()) != Lock::taken) {
    return {};
  }
  const std::string line = owner_line(owner.get());
  return !line.empty() && lock_note(own).ends_with("\n" + line) ? std::move(owner) : UniqueFd();
}

/// Makes and locks .owner, which consumers of another user cannot open: one that is busy is a daemon's. Empty where the
/// volume refuses to make or to lock it. Throws Busy.
UniqueFd lock_owner(int own) {
  static_cast<void>(mkdirat(own, volume::owner_directory, S_IRWXU));
  UniqueFd owner(openat(own, volume::owner_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (owner && fstat(owner.get(), &info) == 0 && (info.st_mode & 07777U) != S_IRWXU) {
    static_cast<void>(fchmod(owner.get(), S_IRWXU));
  }
  const Lock lock = owner ? try_lock(owner.get()) : Lock::refused;
  if (lock == Lock::busy) {
    throw Busy();
  }
  return lock == Lock::taken ? std::move(owner) : UniqueFd();
}

}  // namespace

DataDirectoryLock::DataDirectoryLock(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {
  make_folders(data_dir_);
  for (int tries = 1; !take(); ++tries) {
    data_.reset();
    if (tries == most_tries) {
      throw busy_error(open_data(data_dir_).get(), data_dir_, false);
    }
    wait_for_another_try();
  }
}

/// False when another process has one of the locks; then none is held.
bool DataDirectoryLock::take() {
  data_ = open_data(data_dir_);
  UniqueFd owner;
  if (try_lock(data_.get()) == Lock::busy) {
    const UniqueFd own(openat(data_.get(), volume::own_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    owner = own ? lock_after_the_last_owner(own.get()) : UniqueFd();
    if (!owner) {
      return false;
    }
  }
  return take_own_directory(std::move(owner));
}

/// Locks .adapter, made when it is missing, and writes the pid. What was held before is kept when it fails. `owner`:
/// the lock on its .owner, where that is held already. False when another process has one of the locks.
bool DataDirectoryLock::take_own_directory(UniqueFd owner) try {
  UniqueFd own = open_own(data_.get(), data_dir_);
  // One that is busy is no proof: version 0.1.0 holds `.lock` too, later ones data_dir, of which this process holds the
  // lock or knows by .owner that no daemon does.
  static_cast<void>(try_lock(own.get()));
  bool is_writable = false;
  UniqueFd file = lock_file(own.get(), is_writable);
  if (!owner) {
    owner = lock_owner(own.get());
  }
  if (is_writable) {
    write_pid(file.get(), owner.get());
  }
  own_ = std::move(own);
  owner_ = std::move(owner);
  file_ = std::move(file);
  free_file();
  return true;
} catch (const Busy&) {
  return false;
}

/// Opens and locks .adapter/.lock. Throws Busy.
UniqueFd DataDirectoryLock::lock_file(int own, bool& is_writable) {
  const std::filesystem::path path = data_dir_ / volume::own_path(volume::lock_file);
  constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  constexpr mode_t mode = S_IRUSR | S_IWUSR;  // a consumer that cannot open it cannot lock it
  UniqueFd file(openat(own, volume::lock_file, O_RDWR | O_CREAT | flags, mode));
  is_writable = static_cast<bool>(file);
  if (!file && errno == EROFS) {
    file = UniqueFd(openat(own, volume::lock_file, O_RDONLY | flags));
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
    throw Busy();
  }
  if (lock == Lock::refused) {
    const int failure = errno;
    throw refused_error(failure, path);
  }
  struct stat info{};
  if (is_writable && fstat(file.get(), &info) == 0 && (info.st_mode & 07777U) != mode) {
    static_cast<void>(fchmod(file.get(), mode));  // another user's: the lock is held all the same
  }
  return file;
}

/// Closes `.lock` where the locks of both directories are held and count. One that was refused, or that a consumer of
/// the volume had, is asked for again: that costs nothing.
void DataDirectoryLock::free_file() {
  const bool directories_do = try_lock(own_.get()) == Lock::taken && try_lock(data_.get()) == Lock::taken;
  if (directories_do && !locks_of_directories_are_local(own_.get())) {
    file_.reset();
  }
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
  const UniqueFd own = open_if_there(data.get(), volume::own_directory);
  if (own && own_ && is_same(stat_of(own.get(), volume::own_directory), stat_of(own_.get(), volume::own_directory))) {
    if (file_) {
      free_file();
    }
    return DirectoryState::held;
  }
  if (!take_own_directory(UniqueFd())) {
    throw busy_error(data_.get(), data_dir_, true);
  }
  return DirectoryState::remade;
}

}  // namespace adapter::publish
