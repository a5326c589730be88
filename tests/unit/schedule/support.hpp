// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "adapter/base/units.hpp"
#include "adapter/schedule/schedule.hpp"

namespace adapter::schedule::testing {

/// "2026-03-29T01:00Z" or "2026-03-29T01:00:30Z".
inline TimePoint at(std::string_view text) {
  const auto number = [&](std::size_t begin, std::size_t length) {
    int value = 0;
    const std::string_view part = text.substr(begin, length);
    if (std::from_chars(part.data(), part.data() + part.size(), value).ptr != part.data() + part.size()) {
      throw std::invalid_argument(std::string(text));
    }
    return value;
  };
  const std::chrono::sys_days day = std::chrono::year{number(0, 4)} / number(5, 2) / number(8, 2);
  const int seconds = text.size() > 17 ? number(17, 2) : 0;
  return day + std::chrono::hours{number(11, 2)} + std::chrono::minutes{number(14, 2)} + std::chrono::seconds{seconds};
}

/// To the minute, as at() reads it; with seconds where there are any.
inline std::string text_of(TimePoint time) {
  const std::string text = format_timestamp(time);
  return text.substr(17) == "00.000Z" ? text.substr(0, 16) + "Z" : text.substr(0, 19) + "Z";
}

inline Cron cron(std::string_view expression, std::string_view key = "docs") {
  return Cron::parse(expression, key).value();
}

inline Zone zone(std::string_view name) {
  return Zone::find(name).value();
}

}  // namespace adapter::schedule::testing
