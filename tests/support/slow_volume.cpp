// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program: syncfs hangs while the file that SLOW_VOLUME names is there, at most a minute, as it does
// on a volume that others write to. Signals do not interrupt it.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

extern "C" int syncfs(int descriptor) noexcept {
  const char* const control = std::getenv("SLOW_VOLUME");
  struct stat facts{};
  for (int waited = 0; control != nullptr && waited < 3000 && stat(control, &facts) == 0; ++waited) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "syncfs"));
  return real(descriptor);
}
