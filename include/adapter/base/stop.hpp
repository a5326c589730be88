// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

/// How a job looks at its stop token. Any thread.
namespace adapter {

/// Steps of a loop over objects, entries, deltas or files between two looks at its stop token.
inline constexpr std::size_t steps_between_stop_checks = 1'000;

/// Throws cancelled when `stop` was requested: "`what` was cancelled".
inline void throw_if_stopped(const std::stop_token& stop, std::string_view what) {
  if (stop.stop_requested()) {
    throw Error(ErrorClass::cancelled, std::string(what) + " was cancelled");
  }
}

/// The same at each thousandth `step`.
inline void look_at_stop(const std::stop_token& stop, std::size_t step, std::string_view what) {
  if (step % steps_between_stop_checks == 0) {
    throw_if_stopped(stop, what);
  }
}

}  // namespace adapter
