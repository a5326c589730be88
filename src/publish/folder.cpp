// SPDX-License-Identifier: Apache-2.0
#include "folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>

#include "adapter/base/text.hpp"

namespace adapter::publish {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct StreamCloser {
  void operator()(DIR* stream) const noexcept { closedir(stream); }
};

/// Lists a descriptor that the caller alone reads. Not by opening ".", for which the folder would have to be
/// searchable.
std::unique_ptr<DIR, StreamCloser> open_stream(int folder) {
  UniqueFd copy(fcntl(folder, F_DUPFD_CLOEXEC, 0));
  if (!copy) {
    throw_read_error(errno, "list", "folder");
  }
  std::unique_ptr<DIR, StreamCloser> stream(fdopendir(copy.get()));
  if (!stream) {
    throw_read_error(errno, "list", "folder");
  }
  static_cast<void>(copy.release());
  rewinddir(stream.get());  // the place in the folder is the descriptors' common one
  return stream;
}

/// The next name that is not "." or ".."; null at the end.
const char* next_name(DIR* stream) {
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream);  // NOLINT(concurrency-mt-unsafe): the stream is its caller's alone
    if (entry == nullptr) {
      if (errno != 0) {
        throw_read_error(errno, "list", "folder");
      }
      return nullptr;
    }
    const char* name = static_cast<const char*>(entry->d_name);
    const std::string_view text = name;
    if (text != "." && text != "..") {
      return name;
    }
  }
}

/// Cleared once, when the kernel (before 5.6) or a filter of system calls does not let it through.
std::atomic<bool> openat2_works{true};

UniqueFd open_by_components(int root, const std::string& path) noexcept {
  UniqueFd folder(openat(root, ".", folder_flags));
  std::string name;
  for (std::size_t start = 0; folder && start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    name.assign(path, start, end - start);
    folder = UniqueFd(openat(folder.get(), name.c_str(), folder_flags));
    start = end + 1;
  }
  return folder;
}

/// By number: musl 1.2.5 has no renameat2.
bool rename_with(unsigned flags, int from_folder, const std::string& from, int to_folder,
                 const std::string& to) noexcept {
  return syscall(SYS_renameat2, from_folder, from.c_str(), to_folder, to.c_str(), flags) == 0;
}

}  // namespace

Error volume_error(int error_number, std::string_view verb, std::string_view path) {
  Error error = storage_error(error_number, verb, path);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return Error(ErrorClass::storage,
                 error.text() + "; the volume is full or its quota is used up: free space or inodes on it");
  }
  if (error_number == EROFS) {
    return Error(ErrorClass::storage, error.text() + "; the volume is read-only: mount it for writing");
  }
  return error;
}

void throw_read_error(int error_number, std::string_view verb, std::string_view path) {
  const Error error = storage_error(error_number, verb, path);
  if (is_unreadable_place(error_number)) {
    throw UnreadablePlace(error.error_class(), error.text());
  }
  throw Error(error);
}

UniqueFd try_open_beneath(int root, const std::string& path) noexcept {
  if (path.empty()) {
    return UniqueFd(openat(root, ".", folder_flags));
  }
  if (path.find('/') == std::string::npos) {
    return UniqueFd(openat(root, path.c_str(), folder_flags));
  }
  if (openat2_works.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(folder_flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    UniqueFd folder(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
    if (folder || (errno != ENOSYS && errno != EPERM && errno != EAGAIN && errno != EINVAL)) {
      return folder;
    }
    if (errno == ENOSYS || errno == EPERM) {
      openat2_works.store(false, std::memory_order_relaxed);
    }
  }
  return open_by_components(root, path);
}

UniqueFd open_beneath(int root, const std::string& path) {
  UniqueFd folder = try_open_beneath(root, path);
  if (!folder) {
    throw storage_error(errno, "open folder", path);
  }
  return folder;
}

UniqueFd open_if_there(int directory, const std::string& name) {
  UniqueFd folder(openat(directory, name.c_str(), folder_flags));
  if (!folder && errno != ENOENT) {
    throw storage_error(errno, "open folder", name);
  }
  return folder;
}

std::vector<std::string> list_names(int folder) {
  const auto stream = open_stream(folder);
  std::vector<std::string> names;
  while (const char* name = next_name(stream.get())) {
    names.emplace_back(name);
  }
  return names;
}

std::uint64_t count_names(int folder, std::uint64_t enough) {
  const auto stream = open_stream(folder);
  std::uint64_t count = 0;
  while (count <= enough && next_name(stream.get()) != nullptr) {
    ++count;
  }
  return count;
}

bool rename_to_free_name(int from_folder, const std::string& from, int to_folder, const std::string& to) noexcept {
  return rename_with(RENAME_NOREPLACE, from_folder, from, to_folder, to);
}

bool exchange_names(int folder, const std::string& one, const std::string& other) noexcept {
  return rename_with(RENAME_EXCHANGE, folder, one, folder, other);
}

void require_space(int folder, std::uint64_t bytes) {
  struct statvfs info{};
  if (fstatvfs(folder, &info) != 0) {
    throw storage_error(errno, "look at the free space of", "the volume");
  }
  const bool as_root = geteuid() == 0;
  const std::uint64_t blocks = as_root ? info.f_bfree : info.f_bavail;
  const std::uint64_t inodes = as_root ? info.f_ffree : info.f_favail;
  // File systems that do not count (some network ones) say zero of zero.
  if (info.f_blocks > 0 && blocks * std::uint64_t{info.f_frsize} < bytes) {
    throw Error(ErrorClass::storage, "the volume is full: " + std::to_string(blocks * std::uint64_t{info.f_frsize}) +
                                         " bytes are free, " + std::to_string(bytes) + " are needed; free space on it");
  }
  if (info.f_files > 0 && inodes == 0) {
    throw Error(ErrorClass::storage, "the volume is full: no inode is free; remove files from it");
  }
}

void set_mode(int fd, std::uint32_t actual, std::uint32_t wanted, std::string_view path_for_errors) {
  if ((actual & 07777U) == wanted || fchmod(fd, static_cast<mode_t>(wanted)) == 0) {
    return;
  }
  const int failure = errno;
  struct stat info{};
  const bool refused = failure == EPERM || failure == EACCES || failure == EOPNOTSUPP || failure == ENOSYS;
  if (!refused || fstat(fd, &info) != 0 || (info.st_mode & wanted) != wanted) {
    throw volume_error(failure, "set the mode of", path_for_errors);
  }
}

struct stat finish_with_mode(int fd, std::uint32_t mode, std::string_view folder, std::string_view name) {
  struct stat info{};
  bool known = fstat(fd, &info) == 0;
  if (known && (info.st_mode & 07777U) != mode) {
    set_mode(fd, info.st_mode, mode, join(folder, name));
    known = fstat(fd, &info) == 0;
  }
  if (!known) {
    throw storage_error(errno, "look at", join(folder, name));
  }
  return info;
}

bool is_component(std::string_view name) noexcept {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::string join(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && !name.empty()) {
    path += '/';
  }
  path += name;
  return path;
}

}  // namespace adapter::publish
