// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace adapter::app {

/// "25s", "4m", "3h", "2d": a length of time at a glance. What is below zero is "0s", beyond a thousand years "?".
[[nodiscard]] std::string rough_time(double seconds);

}  // namespace adapter::app
