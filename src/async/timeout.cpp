// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/timeout.hpp"

#include "adapter/base/units.hpp"

namespace adapter::async {

Error timeout_error(std::string_view phase, std::chrono::steady_clock::duration limit) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
  return Error(ErrorClass::timeout, std::string(phase) + " took longer than " + format_duration(milliseconds));
}

}  // namespace adapter::async
