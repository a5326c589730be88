// SPDX-License-Identifier: Apache-2.0
#include "client/rough_time.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace adapter::app {

namespace {

constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t one_day = 24 * hour;

}  // namespace

std::string rough_time(double seconds) {
  if (!(seconds < 3.2e10)) {
    return "?";
  }
  const std::int64_t whole = std::llround(std::max(seconds, 0.0));
  if (whole < 2 * minute) {
    return std::to_string(whole) + "s";
  }
  if (whole < 2 * hour) {
    return std::to_string(whole / minute) + "m";
  }
  if (whole < 2 * one_day) {
    return std::to_string(whole / hour) + "h";
  }
  return std::to_string(whole / one_day) + "d";
}

}  // namespace adapter::app
