// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <random>

namespace adapter::async {

/// Exponential back-off with full jitter (uniform between zero and the step): pure, told the attempt and the random
/// source.
struct Backoff {
  std::chrono::milliseconds base{1000};    ///< step of the first retry, > 0
  std::chrono::milliseconds cap{300'000};  ///< no step is larger; >= base
  /// Drawn delays are never below this, so that "full jitter" cannot mean "at once".
  std::chrono::milliseconds floor{100};

  /// `failures` counts from 1.
  [[nodiscard]] std::chrono::milliseconds delay(unsigned failures, std::mt19937_64& random) const;
};

}  // namespace adapter::async
