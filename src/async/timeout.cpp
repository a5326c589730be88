// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/timeout.hpp"

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"

namespace adapter::async {

Error timeout_error(std::string_view phase, std::chrono::steady_clock::duration limit) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
  return Error(ErrorClass::timeout, std::string(phase) + " took longer than " + format_duration(milliseconds));
}

Error slow_file_error(ErrorClass error_class, const std::filesystem::path& file,
                      std::chrono::steady_clock::duration limit) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
  return Error(error_class, "cannot read " + escape(file.native()) + ": no answer within " +
                                format_duration(milliseconds) + "; check the mount that it is on");
}

}  // namespace adapter::async
