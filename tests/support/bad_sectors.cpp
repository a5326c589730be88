// SPDX-License-Identifier: Apache-2.0
// Preloaded into bindfs: reading a part of a file fails with EIO, as it does where a disk has a bad sector. Each line
// of the file that BAD_SECTORS names is "inode first-byte end-byte": numbers of a file below, and where its part lies.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

bool is_bad(int file, size_t size, off_t place) {
  const char* const control = std::getenv("BAD_SECTORS");
  struct stat facts{};
  if (control == nullptr || fstat(file, &facts) != 0) {
    return false;
  }
  std::FILE* const parts = std::fopen(control, "re");
  if (parts == nullptr) {
    return false;
  }
  unsigned long inode = 0;
  long begin = 0;
  long end = 0;
  bool bad = false;
  while (std::fscanf(parts, "%lu %ld %ld", &inode, &begin, &end) == 3) {
    bad = bad || (facts.st_ino == inode && place < end && place + static_cast<off_t>(size) > begin);
  }
  std::fclose(parts);
  return bad;
}

ssize_t checked_pread(const char* name, int file, void* bytes, size_t size, off_t place) {
  if (is_bad(file, size, place)) {
    errno = EIO;
    return -1;
  }
  const auto real = reinterpret_cast<ssize_t (*)(int, void*, size_t, off_t)>(dlsym(RTLD_NEXT, name));
  return real(file, bytes, size, place);
}

}  // namespace

extern "C" ssize_t pread(int file, void* bytes, size_t size, off_t place) {
  return checked_pread("pread", file, bytes, size, place);
}

extern "C" ssize_t pread64(int file, void* bytes, size_t size, off_t place) {
  return checked_pread("pread64", file, bytes, size, place);
}
