// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program: notes each call on a file that the thread of the event loop makes while the loop runs, on
// the descriptor that LOOP_GUARD names: a line with the call and the path, then a line for each frame of the stack.
// Calls below /proc, /sys and /dev, on sockets, pipes and the like, and on standard error are no findings, nor are
// those in /etc/ssl/certs, where OpenSSL looks for an authority of the system's store in the middle of a handshake.
// The C library's calls from within itself are not seen.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr int max_frames = 40;

thread_local bool is_loop = false;
thread_local bool is_noting = false;

const int report = [] {
  std::array<void*, 1> frame{};
  backtrace(frame.data(), 1);  // the first call loads a library
  const char* const descriptor = std::getenv("LOOP_GUARD");
  return descriptor == nullptr ? -1 : std::atoi(descriptor);
}();

template <class Result, class... Arguments>
Result next(const char* name, Arguments... arguments) {
  return reinterpret_cast<Result (*)(Arguments...)>(dlsym(RTLD_NEXT, name))(arguments...);
}

std::string path_of(int descriptor) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(length > 0 ? length : 0)};
}

bool is_exempt(std::string_view path) {
  return path.starts_with("/proc/") || path.starts_with("/sys/") || path.starts_with("/dev/") ||
         path.starts_with("/etc/ssl/certs");
}

std::string stack() {
  std::array<void*, max_frames> frames{};
  const int count = backtrace(frames.data(), max_frames);
  std::string text;
  for (int i = 0; i < count; ++i) {
    Dl_info place{};
    if (dladdr(frames[static_cast<std::size_t>(i)], &place) != 0 && place.dli_fname != nullptr) {
      std::array<char, 32> offset{};
      const auto address = reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]);
      const auto base = reinterpret_cast<std::uintptr_t>(place.dli_fbase);
      std::snprintf(offset.data(), offset.size(), " 0x%lx\n", static_cast<unsigned long>(address - base));
      text += std::string("\t") + place.dli_fname + offset.data();
    }
  }
  return text;
}

void write_down(const char* call, const std::string& path) {
  if (!is_exempt(path)) {
    const std::string text = std::string(call) + " " + path + "\n" + stack();
    syscall(SYS_write, report, text.data(), text.size());
  }
}

/// A call on a path, which may be relative to a descriptor or empty.
void note(const char* call, const char* path, int directory = AT_FDCWD) {
  if (!is_loop || is_noting || path == nullptr) {
    return;
  }
  is_noting = true;
  const bool is_whole = path[0] == '/' || directory == AT_FDCWD;
  write_down(call, is_whole ? path : path_of(directory) + "/" + path);
  is_noting = false;
}

/// A call on a descriptor.
void note_descriptor(const char* call, int descriptor) {
  if (!is_loop || is_noting || descriptor == STDERR_FILENO) {
    return;
  }
  is_noting = true;
  struct stat facts{};
  const bool is_open = syscall(SYS_newfstatat, descriptor, "", &facts, AT_EMPTY_PATH) == 0;
  if (is_open && (S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode))) {
    write_down(call, path_of(descriptor));
  }
  is_noting = false;
}

}  // namespace

extern "C" {

void adapter_loop_runs(bool runs) {
  is_loop = runs;
}

// The names in __asm__ are those of the C library; a function that opens takes its mode in the register of `...`.
int guarded_open(const char* path, int flags, mode_t mode) __asm__("open");
int guarded_open(const char* path, int flags, mode_t mode) {
  note("open", path);
  return next<int>("open", path, flags, mode);
}
int guarded_open64(const char* path, int flags, mode_t mode) __asm__("open64") __attribute__((alias("open")));

int checked_open(const char* path, int flags) __asm__("__open_2");
int checked_open(const char* path, int flags) {
  return guarded_open(path, flags, 0);
}
int checked_open64(const char* path, int flags) __asm__("__open64_2") __attribute__((alias("__open_2")));

int guarded_openat(int directory, const char* path, int flags, mode_t mode) __asm__("openat");
int guarded_openat(int directory, const char* path, int flags, mode_t mode) {
  note("openat", path, directory);
  return next<int>("openat", directory, path, flags, mode);
}
int guarded_openat64(int directory, const char* path, int flags, mode_t mode) __asm__("openat64")
    __attribute__((alias("openat")));

int checked_openat(int directory, const char* path, int flags) __asm__("__openat_2");
int checked_openat(int directory, const char* path, int flags) {
  return guarded_openat(directory, path, flags, 0);
}
int checked_openat64(int directory, const char* path, int flags) __asm__("__openat64_2")
    __attribute__((alias("__openat_2")));

void* guarded_fopen(const char* path, const char* mode) __asm__("fopen");
void* guarded_fopen(const char* path, const char* mode) {
  note("fopen", path);
  return next<void*>("fopen", path, mode);
}
void* guarded_fopen64(const char* path, const char* mode) __asm__("fopen64") __attribute__((alias("fopen")));

void* guarded_opendir(const char* path) __asm__("opendir");
void* guarded_opendir(const char* path) {
  note("opendir", path);
  return next<void*>("opendir", path);
}

void* guarded_fdopendir(int descriptor) __asm__("fdopendir");
void* guarded_fdopendir(int descriptor) {
  note_descriptor("fdopendir", descriptor);
  return next<void*>("fdopendir", descriptor);
}

int guarded_stat(const char* path, void* facts) __asm__("stat");
int guarded_stat(const char* path, void* facts) {
  note("stat", path);
  return next<int>("stat", path, facts);
}
int guarded_stat64(const char* path, void* facts) __asm__("stat64") __attribute__((alias("stat")));

int guarded_lstat(const char* path, void* facts) __asm__("lstat");
int guarded_lstat(const char* path, void* facts) {
  note("lstat", path);
  return next<int>("lstat", path, facts);
}
int guarded_lstat64(const char* path, void* facts) __asm__("lstat64") __attribute__((alias("lstat")));

int guarded_fstat(int descriptor, void* facts) __asm__("fstat");
int guarded_fstat(int descriptor, void* facts) {
  note_descriptor("fstat", descriptor);
  return next<int>("fstat", descriptor, facts);
}
int guarded_fstat64(int descriptor, void* facts) __asm__("fstat64") __attribute__((alias("fstat")));

int guarded_fstatat(int directory, const char* path, void* facts, int flags) __asm__("fstatat");
int guarded_fstatat(int directory, const char* path, void* facts, int flags) {
  note("fstatat", path, directory);
  return next<int>("fstatat", directory, path, facts, flags);
}
int guarded_fstatat64(int directory, const char* path, void* facts, int flags) __asm__("fstatat64")
    __attribute__((alias("fstatat")));

int guarded_statx(int directory, const char* path, int flags, unsigned mask, void* facts) __asm__("statx");
int guarded_statx(int directory, const char* path, int flags, unsigned mask, void* facts) {
  note("statx", path, directory);
  return next<int>("statx", directory, path, flags, mask, facts);
}

int guarded_access(const char* path, int mode) __asm__("access");
int guarded_access(const char* path, int mode) {
  note("access", path);
  return next<int>("access", path, mode);
}

int guarded_faccessat(int directory, const char* path, int mode, int flags) __asm__("faccessat");
int guarded_faccessat(int directory, const char* path, int mode, int flags) {
  note("faccessat", path, directory);
  return next<int>("faccessat", directory, path, mode, flags);
}

int guarded_statvfs(const char* path, void* facts) __asm__("statvfs");
int guarded_statvfs(const char* path, void* facts) {
  note("statvfs", path);
  return next<int>("statvfs", path, facts);
}
int guarded_statvfs64(const char* path, void* facts) __asm__("statvfs64") __attribute__((alias("statvfs")));

ssize_t guarded_readlink(const char* path, char* target, size_t size) __asm__("readlink");
ssize_t guarded_readlink(const char* path, char* target, size_t size) {
  note("readlink", path);
  return next<ssize_t>("readlink", path, target, size);
}
ssize_t checked_readlink(const char* path, char* target, size_t size) __asm__("__readlink_chk")
    __attribute__((alias("readlink")));

ssize_t guarded_readlinkat(int directory, const char* path, char* target, size_t size) __asm__("readlinkat");
ssize_t guarded_readlinkat(int directory, const char* path, char* target, size_t size) {
  note("readlinkat", path, directory);
  return next<ssize_t>("readlinkat", directory, path, target, size);
}
ssize_t checked_readlinkat(int directory, const char* path, char* target, size_t size) __asm__("__readlinkat_chk")
    __attribute__((alias("readlinkat")));

char* guarded_realpath(const char* path, char* resolved) __asm__("realpath");
char* guarded_realpath(const char* path, char* resolved) {
  note("realpath", path);
  return next<char*>("realpath", path, resolved);
}

int guarded_rename(const char* from, const char* to) __asm__("rename");
int guarded_rename(const char* from, const char* to) {
  note("rename", from);
  return next<int>("rename", from, to);
}

int guarded_renameat(int from_directory, const char* from, int to_directory, const char* to) __asm__("renameat");
int guarded_renameat(int from_directory, const char* from, int to_directory, const char* to) {
  note("renameat", from, from_directory);
  return next<int>("renameat", from_directory, from, to_directory, to);
}

int guarded_renameat2(int from_directory, const char* from, int to_directory, const char* to,
                      unsigned flags) __asm__("renameat2");
int guarded_renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  note("renameat2", from, from_directory);
  return next<int>("renameat2", from_directory, from, to_directory, to, flags);
}

int guarded_unlink(const char* path) __asm__("unlink");
int guarded_unlink(const char* path) {
  note("unlink", path);
  return next<int>("unlink", path);
}

int guarded_unlinkat(int directory, const char* path, int flags) __asm__("unlinkat");
int guarded_unlinkat(int directory, const char* path, int flags) {
  note("unlinkat", path, directory);
  return next<int>("unlinkat", directory, path, flags);
}

int guarded_symlinkat(const char* target, int directory, const char* path) __asm__("symlinkat");
int guarded_symlinkat(const char* target, int directory, const char* path) {
  note("symlinkat", path, directory);
  return next<int>("symlinkat", target, directory, path);
}

int guarded_mkdir(const char* path, mode_t mode) __asm__("mkdir");
int guarded_mkdir(const char* path, mode_t mode) {
  note("mkdir", path);
  return next<int>("mkdir", path, mode);
}

int guarded_mkdirat(int directory, const char* path, mode_t mode) __asm__("mkdirat");
int guarded_mkdirat(int directory, const char* path, mode_t mode) {
  note("mkdirat", path, directory);
  return next<int>("mkdirat", directory, path, mode);
}

int guarded_fsync(int descriptor) __asm__("fsync");
int guarded_fsync(int descriptor) {
  note_descriptor("fsync", descriptor);
  return next<int>("fsync", descriptor);
}

int guarded_syncfs(int descriptor) __asm__("syncfs");
int guarded_syncfs(int descriptor) {
  note_descriptor("syncfs", descriptor);
  return next<int>("syncfs", descriptor);
}

ssize_t guarded_read(int descriptor, void* bytes, size_t size) __asm__("read");
ssize_t guarded_read(int descriptor, void* bytes, size_t size) {
  note_descriptor("read", descriptor);
  return next<ssize_t>("read", descriptor, bytes, size);
}
ssize_t checked_read(int descriptor, void* bytes, size_t size) __asm__("__read_chk") __attribute__((alias("read")));

ssize_t guarded_pread(int descriptor, void* bytes, size_t size, off_t place) __asm__("pread");
ssize_t guarded_pread(int descriptor, void* bytes, size_t size, off_t place) {
  note_descriptor("pread", descriptor);
  return next<ssize_t>("pread", descriptor, bytes, size, place);
}
ssize_t guarded_pread64(int descriptor, void* bytes, size_t size, off_t place) __asm__("pread64")
    __attribute__((alias("pread")));
ssize_t checked_pread(int descriptor, void* bytes, size_t size, off_t place) __asm__("__pread_chk")
    __attribute__((alias("pread")));
ssize_t checked_pread64(int descriptor, void* bytes, size_t size, off_t place) __asm__("__pread64_chk")
    __attribute__((alias("pread")));

ssize_t guarded_write(int descriptor, const void* bytes, size_t size) __asm__("write");
ssize_t guarded_write(int descriptor, const void* bytes, size_t size) {
  note_descriptor("write", descriptor);
  return next<ssize_t>("write", descriptor, bytes, size);
}

}  // extern "C"
