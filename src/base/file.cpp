// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <tuple>

#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "retry.hpp"

namespace adapter {
namespace {

std::string error_name(int error_number) {
  const char* name = nullptr;
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 32))
  name = strerrorname_np(error_number);
#endif
  return name != nullptr ? name : "errno " + std::to_string(error_number);
}

std::string error_message(int error_number) {
  std::array<char, 128> buffer{};
  // GNU's and POSIX's strerror_r differ in what they return; overloads take either.
  struct Text {
    static std::string of(const char* text, const char*) { return text; }
    static std::string of(int, const char* buffer) { return buffer; }
  };
  return Text::of(strerror_r(error_number, buffer.data(), buffer.size()), buffer.data());
}

constexpr std::size_t max_error_path_bytes = 1024;

/// How a directory may have come to where a file was expected.
enum class DirectoryCause : std::uint8_t { unknown, file_mount };

/// openat, with O_CLOEXEC.
UniqueFd open_at(int directory, const char* name, int flags, mode_t mode = 0) {
  return UniqueFd(retry_interrupted([&] { return openat(directory, name, flags | O_CLOEXEC, mode); }));
}

std::atomic<void (*)(const std::filesystem::path&)> refused_read_observer{nullptr};

Error read_refusal(int error_number, const std::filesystem::path& path) {
  Error error = storage_error(error_number, "read", path.native());
  // faccessat asks about owner and mode only, which neither Landlock nor another security module changes.
  if (error_number != EACCES || faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) {
    return error;
  }
  if (const auto observer = refused_read_observer.load()) {
    observer(path);
    return Error(ErrorClass::storage, error.text() +
                                          "; its owner and mode allow it, but the sandbox does not: the file, or what "
                                          "its symbolic link leads to, lies outside of the folders known at the start; "
                                          "restart the adapter");
  }
  return Error(ErrorClass::storage,
               error.text() + "; its owner and mode allow it: a security module (SELinux, AppArmor) refuses it");
}

Error directory_error(std::string_view path, DirectoryCause cause) {
  std::error_code ignored;
  std::string text = "cannot read " + escape(path, max_error_path_bytes) + ": it is a directory, not a file";
  if (cause == DirectoryCause::file_mount && std::filesystem::is_empty(path, ignored)) {
    text +=
        ", and empty: Docker creates such a directory when the host's file is missing; remove it, make the file, "
        "and create the container anew";
  } else {
    text += "; correct the path";
  }
  return Error(ErrorClass::storage, std::move(text));
}

std::string read_descriptor(int fd, std::string_view path, std::uint64_t limit_bytes, DirectoryCause cause) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    throw storage_error(errno, "read", path);
  }
  if (S_ISDIR(info.st_mode)) {
    throw directory_error(path, cause);
  }
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorClass::storage, "cannot read " + escape(path) + ": it is not a regular file");
  }
  std::string bytes;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = retry_interrupted([&] { return read(fd, buffer.data(), buffer.size()); });
    if (count < 0) {
      throw storage_error(errno, "read", path);
    }
    if (count == 0) {
      return bytes;
    }
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
    if (bytes.size() > limit_bytes) {
      throw Error(ErrorClass::limit, escape(path) + " is larger than " + std::to_string(limit_bytes) + " bytes");
    }
  }
}

std::optional<FileStamp> stamp_of(const std::filesystem::path& path, int flags) noexcept {
  struct stat info{};
  if (fstatat(AT_FDCWD, path.c_str(), &info, flags) != 0) {
    return std::nullopt;
  }
  return FileStamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
}

}  // namespace

void UniqueFd::reset() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

std::optional<FileStamp> FileStamp::of(const std::filesystem::path& path) noexcept {
  return stamp_of(path, 0);
}

std::optional<FileStamp> FileStamp::of_link(const std::filesystem::path& path) noexcept {
  return stamp_of(path, AT_SYMLINK_NOFOLLOW);
}

bool operator==(const FileStamp& left, const FileStamp& right) noexcept {
  const auto key = [](const FileStamp& s) {
    return std::tuple(s.device, s.inode, s.size_bytes, s.modified.tv_sec, s.modified.tv_nsec, s.changed.tv_sec,
                      s.changed.tv_nsec);
  };
  return key(left) == key(right);
}

Error storage_error(int error_number, std::string_view verb, std::string_view path) {
  return Error(ErrorClass::storage, "cannot " + std::string(verb) + " " + escape(path, max_error_path_bytes) + ": " +
                                        error_message(error_number) + " (" + error_name(error_number) + ")");
}

bool is_unreadable_place(int error_number) noexcept {
  return error_number == EIO || error_number == ENODATA || error_number == EUCLEAN || error_number == EBADMSG ||
         error_number == EREMOTEIO;
}

UniqueFd open_directory(const std::filesystem::path& path) {
  UniqueFd fd = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) {
    throw storage_error(errno, "open folder", path.native());
  }
  return fd;
}

UniqueFd open_directory_at(int directory, const std::string& name) {
  UniqueFd fd = open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) {
    throw storage_error(errno, "open folder", name);
  }
  return fd;
}

bool ensure_directory_at(int directory, const std::string& name, mode_t mode) {
  if (retry_interrupted([&] { return mkdirat(directory, name.c_str(), mode); }) == 0) {
    return true;
  }
  const int failure = errno;
  struct stat info{};
  if (failure == EEXIST && fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(info.st_mode)) {
      return false;
    }
    throw Error(ErrorClass::storage, "cannot make folder " + escape(name) + ": something else has that name");
  }
  throw storage_error(failure, "make folder", name);
}

void write_all(int fd, std::string_view bytes, std::string_view path_for_errors) {
  while (!bytes.empty()) {
    const ssize_t count = retry_interrupted([&] { return write(fd, bytes.data(), bytes.size()); });
    if (count < 0) {
      throw storage_error(errno, "write", path_for_errors);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void observe_refused_reads(void (*observer)(const std::filesystem::path&)) noexcept {
  refused_read_observer.store(observer);
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  const UniqueFd fd = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    throw read_refusal(errno, path);
  }
  return read_descriptor(fd.get(), path.native(), limit_bytes, DirectoryCause::file_mount);
}

std::string read_file_at(int directory, const std::string& name, std::uint64_t limit_bytes) {
  const UniqueFd fd = open_at(directory, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (!fd) {
    throw storage_error(errno, "read", name);
  }
  return read_descriptor(fd.get(), name, limit_bytes, DirectoryCause::unknown);
}

void replace_file_at(int directory, const std::string& name, std::string_view bytes, mode_t mode) {
  const std::string temporary = unique_name(volume::temporary_prefix);
  UniqueFd fd = open_at(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!fd) {
    throw storage_error(errno, "write", name);
  }
  try {
    write_all(fd.get(), bytes, name);
    fsync_fd(fd.get(), name);
    if (retry_interrupted([&] { return renameat(directory, temporary.c_str(), directory, name.c_str()); }) != 0) {
      throw storage_error(errno, "replace", name);
    }
  } catch (...) {
    unlinkat(directory, temporary.c_str(), 0);
    throw;
  }
  fsync_folder(directory, name);
}

int checked_fsync(int fd) noexcept {
  struct stat info{};
  const int synced = retry_interrupted([&] { return fsync(fd); });
  return synced == 0 ? fstat(fd, &info) : synced;
}

void fsync_fd(int fd, std::string_view path_for_errors) {
  if (checked_fsync(fd) != 0) {
    throw storage_error(errno, "make durable", path_for_errors);
  }
}

void fsync_folder(int folder, std::string_view path_for_errors) {
  if (!fsync_folder_unless_read_only(folder, path_for_errors)) {
    throw storage_error(EROFS, "make durable", path_for_errors);
  }
}

bool fsync_folder_unless_read_only(int folder, std::string_view path_for_errors) {
  if (checked_fsync(folder) == 0 || errno == EINVAL) {
    return true;
  }
  if (errno == EROFS) {
    return false;
  }
  throw storage_error(errno, "make durable", path_for_errors);
}

void correct_mode(int folder, mode_t mode, std::string_view path_for_errors) {
  struct stat info{};
  if (fstat(folder, &info) != 0) {
    throw storage_error(errno, "look at", path_for_errors);
  }
  if ((info.st_mode & 07777U) == mode || info.st_uid != geteuid()) {
    return;
  }
  if (fchmod(folder, mode) != 0 && errno != EPERM && errno != EROFS) {
    throw storage_error(errno, "set the mode of", path_for_errors);
  }
}

std::string unique_name(std::string_view prefix) {
  std::array<char, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw storage_error(errno, "draw random bytes for", prefix);
  }
  return std::string(prefix) + to_hex({random.data(), random.size()});
}

}  // namespace adapter
