// SPDX-License-Identifier: Apache-2.0
#include "large_objects.hpp"

#include <cassert>
#include <chrono>
#include <semaphore>
#include <string>

#include "adapter/base/error.hpp"

namespace adapter::store {
namespace {

constexpr std::chrono::milliseconds try_time{50};

std::binary_semaphore& permit() noexcept {
  static std::binary_semaphore one{1};
  return one;
}

thread_local bool held_here = false;

}  // namespace

LargeObjectPermit::LargeObjectPermit(const std::stop_token& stop) {
  assert(!held_here);
  while (!permit().try_acquire_for(try_time)) {
    if (stop.stop_requested()) {
      throw Error(ErrorClass::cancelled, "reading an object of " + std::to_string(large_object_bytes / mib) +
                                             " MiB or more was cancelled while it waited for its turn");
    }
  }
  held_here = true;
}

LargeObjectPermit::~LargeObjectPermit() {
  held_here = false;
  permit().release();
}

}  // namespace adapter::store
