// SPDX-License-Identifier: Apache-2.0
#include "file_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

namespace adapter::testing {
namespace {

using SystemCall = long (*)(long, ...);

/// The C library's syscall(), which this file replaces too. No guarded static: its lock may end in syscall().
SystemCall next_syscall() {
  static std::atomic<SystemCall> known{nullptr};
  SystemCall next = known.load(std::memory_order_relaxed);
  if (next == nullptr) {
    next = reinterpret_cast<SystemCall>(dlsym(RTLD_NEXT, "syscall"));
    known.store(next, std::memory_order_relaxed);
  }
  return next;
}

struct Watch {
  std::mutex mutex;
  std::vector<FileCall> calls;
  std::shared_ptr<const FileCalls::Answer> answer;
};

std::atomic<bool> watching{false};

Watch& the_watch() {
  static auto* const watch = new Watch;  // outlives every static destructor that may still close a file
  return *watch;
}

/// A call that `answer` makes is the test's own.
thread_local bool inside = false;

std::string path_of(int fd) {
  std::array<char, 4096> text{};
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(name.c_str(), text.data(), text.size());
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string path_at(int directory, const char* path) {
  const std::string text = path == nullptr ? "" : path;
  if (text.starts_with('/')) {
    return text;
  }
  const std::string parent = directory == AT_FDCWD ? std::filesystem::current_path().native() : path_of(directory);
  return text.empty() ? parent : parent + "/" + text;
}

/// Notes the call, asks whether it shall fail, and makes it.
template <class Make>
long observe(FileCall call, bool noted, Make make) {
  Watch& watch = the_watch();
  std::shared_ptr<const FileCalls::Answer> answer;
  std::size_t place = 0;
  {
    const std::lock_guard lock(watch.mutex);
    answer = watch.answer;
    noted = noted && (watch.calls.empty() || call.name != "write" || watch.calls.back().name != "write" ||
                      watch.calls.back().path != call.path);
    if (noted) {
      place = watch.calls.size();
      watch.calls.push_back(call);
    }
  }
  int error = 0;
  if (answer && *answer) {
    inside = true;
    error = (*answer)(call);
    inside = false;
  }
  long result = -1;
  if (error == 0) {
    result = make();
    error = result < 0 ? errno : 0;
  }
  if (noted) {
    const std::lock_guard lock(watch.mutex);
    if (place < watch.calls.size()) {
      watch.calls[place].error = error;
    }
  }
  errno = error == 0 ? errno : error;
  return result;
}

bool is_watched() noexcept {
  return watching.load(std::memory_order_relaxed) && !inside;
}

int open_file(int directory, const char* path, int flags, mode_t mode) {
  const auto make = [&] { return next_syscall()(SYS_openat, directory, path, flags, mode); };
  if (!is_watched()) {
    return static_cast<int>(make());
  }
  FileCall call{"open", path_at(directory, path), "", flags, 0};
  const bool noted = call.opens_for_writing();
  struct stat info{};
  call.creates = (flags & O_CREAT) != 0 && fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) != 0;
  return static_cast<int>(observe(std::move(call), noted, make));
}

int sync_file(const char* name, long number, int fd) {
  const auto make = [&] { return next_syscall()(number, fd); };
  return static_cast<int>(is_watched() ? observe({name, path_of(fd), "", 0, 0}, true, make) : make());
}

template <class Make>
long write_file(int fd, Make make) {
  return is_watched() ? observe({"write", path_of(fd), "", 0, 0}, true, make) : make();
}

int rename_file(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  const auto make = [&] { return next_syscall()(SYS_renameat2, from_directory, from, to_directory, to, flags); };
  if (!is_watched()) {
    return static_cast<int>(make());
  }
  FileCall call{(flags & RENAME_EXCHANGE) != 0 ? "exchange" : "rename", path_at(from_directory, from),
                path_at(to_directory, to), static_cast<int>(flags), 0};
  return static_cast<int>(observe(std::move(call), true, make));
}

int link_file(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  const auto make = [&] { return next_syscall()(SYS_linkat, from_directory, from, to_directory, to, flags); };
  return static_cast<int>(
      is_watched() ? observe({"link", path_at(from_directory, from), path_at(to_directory, to), 0, 0}, true, make)
                   : make());
}

int link_symbolically(const char* target, int directory, const char* path) {
  const auto make = [&] { return next_syscall()(SYS_symlinkat, target, directory, path); };
  return static_cast<int>(is_watched() ? observe({"symlink", path_at(directory, path), target, 0, 0}, true, make)
                                       : make());
}

int unlink_file(int directory, const char* path, int flags) {
  const auto make = [&] { return next_syscall()(SYS_unlinkat, directory, path, flags); };
  const char* const name = (flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink";
  return static_cast<int>(is_watched() ? observe({name, path_at(directory, path), "", 0, 0}, true, make) : make());
}

int make_directory(int directory, const char* path, mode_t mode) {
  const auto make = [&] { return next_syscall()(SYS_mkdirat, directory, path, mode); };
  return static_cast<int>(is_watched() ? observe({"mkdir", path_at(directory, path), "", 0, 0}, true, make) : make());
}

}  // namespace

// ---- what tests ask

bool FileCall::opens_for_writing() const noexcept {
  return name == "open" && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0);
}

void FileCalls::watch(Answer answer) {
  Watch& watch = the_watch();
  const std::lock_guard lock(watch.mutex);
  watch.calls.clear();
  watch.answer = std::make_shared<const Answer>(std::move(answer));
  watching = true;
}

void FileCalls::ignore() {
  watching = false;
}

std::vector<FileCall> FileCalls::seen() {
  Watch& watch = the_watch();
  const std::lock_guard lock(watch.mutex);
  return watch.calls;
}

std::vector<std::string> FileCalls::paths_of(std::string_view name) {
  std::vector<std::string> paths;
  for (FileCall& call : seen()) {
    if (call.name == name && call.error == 0) {
      paths.push_back(std::move(call.path));
    }
  }
  return paths;
}

FileCalls::Answer fail_once(std::string name, std::string path_end, int error) {
  const auto left = std::make_shared<std::atomic<bool>>(true);
  return [=](const FileCall& call) {
    const std::string& path = call.name == "rename" ? call.to : call.path;
    return call.name == name && path.ends_with(path_end) && left->exchange(false) ? error : 0;
  };
}

// ---- in place of the C library's functions
//
// By their symbols: the C library's headers declare some of them with other attributes or redirect them to names of
// their own ("open" to "open64").

extern "C" {

long seen_syscall(long number, ...) __asm__("syscall");
int seen_open(const char* path, int flags, ...) __asm__("open");
int seen_openat(int directory, const char* path, int flags, ...) __asm__("openat");
int seen_fsync(int fd) __asm__("fsync");
int seen_fdatasync(int fd) __asm__("fdatasync");
int seen_flock(int fd, int operation) __asm__("flock");
int seen_syncfs(int fd) __asm__("syncfs");
int seen_rename(const char* from, const char* to) __asm__("rename");
int seen_renameat(int from_directory, const char* from, int to_directory, const char* to) __asm__("renameat");
int seen_link(const char* from, const char* to) __asm__("link");
int seen_linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) __asm__("linkat");
int seen_symlink(const char* target, const char* path) __asm__("symlink");
int seen_symlinkat(const char* target, int directory, const char* path) __asm__("symlinkat");
int seen_unlink(const char* path) __asm__("unlink");
int seen_unlinkat(int directory, const char* path, int flags) __asm__("unlinkat");
int seen_rmdir(const char* path) __asm__("rmdir");
int seen_remove(const char* path) __asm__("remove");
int seen_mkdir(const char* path, mode_t mode) __asm__("mkdir");
int seen_mkdirat(int directory, const char* path, mode_t mode) __asm__("mkdirat");
ssize_t seen_write(int fd, const void* bytes, std::size_t size) __asm__("write");
ssize_t seen_pwrite(int fd, const void* bytes, std::size_t size, off_t place) __asm__("pwrite");
int seen_ftruncate(int fd, off_t size) __asm__("ftruncate");
#if defined(__GLIBC__)
int seen_open64(const char* path, int flags, ...) __asm__("open64");
int seen_openat64(int directory, const char* path, int flags, ...) __asm__("openat64");
ssize_t seen_pwrite64(int fd, const void* bytes, std::size_t size, off_t place) __asm__("pwrite64");
int seen_ftruncate64(int fd, off_t size) __asm__("ftruncate64");
int seen_renameat2(int from_directory, const char* from, int to_directory, const char* to,
                   unsigned flags) __asm__("renameat2");
#endif

long seen_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  std::array<long, 6> arguments{};
  for (long& argument : arguments) {
    argument = va_arg(list, long);
  }
  va_end(list);
  const auto [first, second, third, fourth, fifth, sixth] = arguments;
  if (number == SYS_renameat2) {
    return rename_file(static_cast<int>(first), reinterpret_cast<const char*>(second), static_cast<int>(third),
                       reinterpret_cast<const char*>(fourth), static_cast<unsigned>(fifth));
  }
  return next_syscall()(number, first, second, third, fourth, fifth, sixth);
}

int seen_open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, unsigned) : 0;
  va_end(list);
  return open_file(AT_FDCWD, path, flags, mode);
}

int seen_openat(int directory, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, unsigned) : 0;
  va_end(list);
  return open_file(directory, path, flags, mode);
}

int seen_fsync(int fd) {
  return sync_file("fsync", SYS_fsync, fd);
}

int seen_fdatasync(int fd) {
  return sync_file("fdatasync", SYS_fdatasync, fd);
}

int seen_flock(int fd, int operation) {
  const auto make = [&] { return next_syscall()(SYS_flock, fd, operation); };
  return static_cast<int>(is_watched() ? observe({"flock", path_of(fd), "", operation, 0}, false, make) : make());
}

int seen_syncfs(int fd) {
  return sync_file("syncfs", SYS_syncfs, fd);
}

int seen_rename(const char* from, const char* to) {
  return rename_file(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int seen_renameat(int from_directory, const char* from, int to_directory, const char* to) {
  return rename_file(from_directory, from, to_directory, to, 0);
}

int seen_link(const char* from, const char* to) {
  return link_file(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int seen_linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  return link_file(from_directory, from, to_directory, to, flags);
}

int seen_symlink(const char* target, const char* path) {
  return link_symbolically(target, AT_FDCWD, path);
}

int seen_symlinkat(const char* target, int directory, const char* path) {
  return link_symbolically(target, directory, path);
}

int seen_unlink(const char* path) {
  return unlink_file(AT_FDCWD, path, 0);
}

int seen_unlinkat(int directory, const char* path, int flags) {
  return unlink_file(directory, path, flags);
}

int seen_rmdir(const char* path) {
  return unlink_file(AT_FDCWD, path, AT_REMOVEDIR);
}

int seen_remove(const char* path) {
  const int result = unlink_file(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? unlink_file(AT_FDCWD, path, AT_REMOVEDIR) : result;
}

int seen_mkdir(const char* path, mode_t mode) {
  return make_directory(AT_FDCWD, path, mode);
}

int seen_mkdirat(int directory, const char* path, mode_t mode) {
  return make_directory(directory, path, mode);
}

ssize_t seen_write(int fd, const void* bytes, std::size_t size) {
  return write_file(fd, [&] { return next_syscall()(SYS_write, fd, bytes, size); });
}

ssize_t seen_pwrite(int fd, const void* bytes, std::size_t size, off_t place) {
  return write_file(fd, [&] { return next_syscall()(SYS_pwrite64, fd, bytes, size, place); });
}

int seen_ftruncate(int fd, off_t size) {
  return static_cast<int>(write_file(fd, [&] { return next_syscall()(SYS_ftruncate, fd, size); }));
}

#if defined(__GLIBC__)
int seen_open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, unsigned) : 0;
  va_end(list);
  return open_file(AT_FDCWD, path, flags, mode);
}

int seen_openat64(int directory, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, unsigned) : 0;
  va_end(list);
  return open_file(directory, path, flags, mode);
}

ssize_t seen_pwrite64(int fd, const void* bytes, std::size_t size, off_t place) {
  return seen_pwrite(fd, bytes, size, place);
}

int seen_ftruncate64(int fd, off_t size) {
  return seen_ftruncate(fd, size);
}

int seen_renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  return rename_file(from_directory, from, to_directory, to, flags);
}
#endif

}  // extern "C"

}  // namespace adapter::testing
