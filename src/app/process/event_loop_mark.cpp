// SPDX-License-Identifier: Apache-2.0
#include "process/event_loop_mark.hpp"

#include <dlfcn.h>

namespace adapter::app {

void EventLoopMark::set(bool runs) noexcept {
  if (auto* const guard = reinterpret_cast<void (*)(bool)>(dlsym(RTLD_DEFAULT, "adapter_loop_runs"))) {
    guard(runs);
  }
}

}  // namespace adapter::app
