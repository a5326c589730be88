// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/units.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>

#include "adapter/base/text.hpp"

namespace adapter {
namespace {

struct DurationUnit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<DurationUnit, 5> duration_units{{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};
constexpr std::int64_t max_duration_milliseconds = 3650LL * 86'400'000;

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 6> size_units{{
    {"", 1},
    {"B", 1},
    {"KiB", 1ULL << 10U},
    {"MiB", 1ULL << 20U},
    {"GiB", 1ULL << 30U},
    {"TiB", 1ULL << 40U},
}};

Error bad(std::string_view what, std::string_view text, std::string_view expected) {
  return Error(ErrorClass::config, std::string("\"") + escape(text, 64) + "\" is not a " + std::string(what) +
                                       "; write " + std::string(expected));
}

std::string_view leading_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
    ++count;
  }
  return text.substr(0, count);
}

std::string_view leading_letters(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() &&
         ((text[count] >= 'a' && text[count] <= 'z') || (text[count] >= 'A' && text[count] <= 'Z'))) {
    ++count;
  }
  return text.substr(0, count);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view range) {
  const std::string expected = "for example 500ms, 30s, 5m, 2h, 1d or 1h30m (" + std::string(range) + ")";
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  do {
    const std::string_view digits = leading_digits(rest);
    rest.remove_prefix(digits.size());
    const std::string_view letters = leading_letters(rest);
    rest.remove_prefix(letters.size());
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || failure != std::errc{}) {
      return bad("duration", text, expected);
    }
    while (next_unit < duration_units.size() && duration_units[next_unit].name != letters) {
      ++next_unit;
    }
    if (next_unit == duration_units.size()) {
      return bad("duration", text, expected);
    }
    const std::int64_t unit = duration_units[next_unit].milliseconds;
    ++next_unit;
    if (number > (max_duration_milliseconds - total) / unit) {
      return bad("duration", text, expected);
    }
    total += number * unit;
  } while (!rest.empty());
  return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) {
    return "0s";
  }
  std::string text;
  if (rest < 0) {
    text = "-";
    rest = -rest;
  }
  for (const DurationUnit& unit : duration_units) {
    const std::int64_t count = rest / unit.milliseconds;
    rest %= unit.milliseconds;
    if (count != 0) {
      text += std::to_string(count);
      text += unit.name;
    }
  }
  return text;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::string_view expected = "a whole number with B, KiB, MiB, GiB or TiB, for example 64KiB";
  const std::string_view digits = leading_digits(text);
  const std::string_view unit_name = text.substr(digits.size());
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || failure != std::errc{}) {
    return bad("size", text, expected);
  }
  for (const SizeUnit& unit : size_units) {
    if (unit.name == unit_name) {
      if (number > std::numeric_limits<std::int64_t>::max() / unit.bytes) {
        return bad("size", text, expected);
      }
      return number * unit.bytes;
    }
  }
  return bad("size", text, expected);
}

std::string format_size(std::uint64_t size_bytes) {
  static constexpr std::array<const char*, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(size_bytes);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < names.size()) {
    value /= 1024.0;
    ++unit;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, names[unit]);
  return buffer.data();
}

Result<double> parse_percent(std::string_view text) {
  static constexpr std::string_view expected = "a number from 0 to 100 with a percent sign, for example 10%";
  if (text.empty() || text.back() != '%') {
    return bad("percentage", text, expected);
  }
  std::string_view number = text.substr(0, text.size() - 1);
  const std::string_view whole = leading_digits(number);
  number.remove_prefix(whole.size());
  double value = 0;
  if (whole.empty() || whole.size() > 3) {
    return bad("percentage", text, expected);
  }
  for (const char digit : whole) {
    value = value * 10 + (digit - '0');
  }
  if (!number.empty()) {
    const std::string_view fraction = number.front() == '.' ? leading_digits(number.substr(1)) : std::string_view{};
    if (fraction.empty() || fraction.size() > 2 || fraction.size() + 1 != number.size()) {
      return bad("percentage", text, expected);
    }
    double scale = 0.1;
    for (const char digit : fraction) {
      value += (digit - '0') * scale;
      scale /= 10;
    }
  }
  if (value > 100) {
    return bad("percentage", text, expected);
  }
  return value / 100;
}

std::string format_timestamp(std::chrono::system_clock::time_point time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto whole_seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t seconds = whole_seconds.count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>((since_epoch - whole_seconds).count()));
  return buffer.data();
}

}  // namespace adapter
