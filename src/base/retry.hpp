// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>

namespace adapter {

/// The result of a system call that answers below 0 on failure, made again as long as a signal interrupts it.
template <class Call>
auto retry_interrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace adapter
