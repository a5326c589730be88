// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/backoff.hpp"

#include <algorithm>

namespace adapter::async {

std::chrono::milliseconds Backoff::delay(unsigned failures, std::mt19937_64& random) const {
  std::chrono::milliseconds step = base;
  for (unsigned i = 1; i < failures && step < cap; ++i) {
    step *= 2;
  }
  step = std::min(step, cap);
  std::uniform_int_distribution<std::int64_t> uniform(0, step.count());
  return std::max(floor, std::chrono::milliseconds(uniform(random)));
}

}  // namespace adapter::async
