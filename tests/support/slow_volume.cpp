// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program: syncfs hangs while the file that SLOW_VOLUME names is there, at most a minute, as it does
// on a volume that others write to. Signals do not interrupt it. It says so with a byte in the file with ".hangs" at
// the end of its name, which has to be there at the start. While the file with ".unlink" at the end of its name is
// there each file below trees/.gone-… takes 10 ms to be removed.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

bool is_there(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0;
}

/// Opened before the program's sandbox is on.
const int hangs = [] {
  const char* const control = std::getenv("SLOW_VOLUME");
  return control == nullptr ? -1 : open((std::string(control) + ".hangs").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
}();

}  // namespace

extern "C" int unlinkat(int directory, const char* name, int flags) noexcept {
  const char* const control = std::getenv("SLOW_VOLUME");
  if (control != nullptr && flags == 0 && is_there(std::string(control) + ".unlink")) {
    std::array<char, 4096> place{};
    const std::string link = "/proc/self/fd/" + std::to_string(directory);
    if (readlink(link.c_str(), place.data(), place.size() - 1) > 0 &&
        std::string(place.data()).find("/trees/.gone-") != std::string::npos) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  const auto real = reinterpret_cast<int (*)(int, const char*, int)>(dlsym(RTLD_NEXT, "unlinkat"));
  return real(directory, name, flags);
}

extern "C" int syncfs(int descriptor) noexcept {
  const char* const control = std::getenv("SLOW_VOLUME");
  struct stat facts{};
  for (int waited = 0; control != nullptr && waited < 3000 && stat(control, &facts) == 0; ++waited) {
    if (waited == 0 && write(hangs, "x", 1) != 1) {
      std::abort();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "syncfs"));
  return real(descriptor);
}
