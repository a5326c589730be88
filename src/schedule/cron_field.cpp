// SPDX-License-Identifier: Apache-2.0
#include "cron_field.hpp"

#include <optional>
#include <string>

#include "adapter/base/text.hpp"

namespace adapter::schedule {
namespace {

constexpr std::size_t max_quoted_bytes = 60;

std::string quoted(std::string_view text) {
  return '"' + escape(text, max_quoted_bytes) + '"';
}

Error field_error(const FieldRule& rule, const std::string& problem) {
  return Error(ErrorClass::config, "cron field " + std::string(rule.label) + ": " + problem);
}

std::string limits_of(const FieldRule& rule) {
  return std::to_string(rule.first) + " to " + std::to_string(rule.last_given);
}

/// One to four digits.
std::optional<unsigned> parse_number(std::string_view text) {
  constexpr std::size_t most_digits = 4;
  if (text.empty() || text.size() > most_digits) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  return value;
}

/// A number or a name.
Result<unsigned> parse_value(std::string_view text, const FieldRule& rule) {
  if (text.empty()) {
    return field_error(rule, "a value is missing; write a number from " + limits_of(rule) + " or *");
  }
  if (text == "?") {
    return field_error(rule, "\"?\" is Quartz's word for any day; write *");
  }
  for (std::size_t i = 0; i < rule.names.size(); ++i) {
    if (equal_ignoring_case(text, rule.names[i])) {
      return rule.first + static_cast<unsigned>(i);
    }
  }
  const std::optional<unsigned> number = parse_number(text);
  if (!number) {
    const std::string names = rule.names.empty() ? ""
                                                 : " or a name (" + std::string(rule.names.front()) + " to " +
                                                       std::string(rule.names.back()) + ")";
    return field_error(rule, quoted(text) + " is not a number from " + limits_of(rule) + names);
  }
  if (*number < rule.first || *number > rule.last_given) {
    return field_error(rule, std::to_string(*number) + " is out of range; it goes from " + limits_of(rule));
  }
  return *number;
}

struct Range {
  unsigned first = 0;
  unsigned last = 0;
};

Result<Range> parse_range(std::string_view text, const FieldRule& rule) {
  const std::size_t dash = text.find('-');
  const Result<unsigned> first = parse_value(text.substr(0, dash), rule);
  if (!first) {
    return first.error();
  }
  const Result<unsigned> last = parse_value(text.substr(dash + 1), rule);
  if (!last) {
    return last.error();
  }
  Range range{*first, *last};
  const bool sunday_is_both_ends = rule.last_given > rule.last;
  if (sunday_is_both_ends && range.first > 0 && range.last == 0) {
    range.last = rule.last_given;  // fri-sun: Sunday ends the week here; sun-sun is Sunday alone
  }
  if (range.first > range.last) {
    const bool from_sunday = sunday_is_both_ends && range.first == rule.last_given;
    return field_error(rule, "the range " + quoted(text) + " runs backwards; write " +
                                 (from_sunday ? "0-" + std::to_string(range.last) : "two ranges with a comma"));
  }
  return range;
}

Result<unsigned> parse_step(std::string_view text, const FieldRule& rule) {
  const std::optional<unsigned> step = parse_number(text);
  const unsigned largest = rule.last - rule.first;
  if (!step || *step == 0 || *step > largest) {
    return field_error(rule, "the step " + quoted(text) + " is not a number from 1 to " + std::to_string(largest));
  }
  return *step;
}

std::uint64_t bits_of(const Range& range, unsigned step, const FieldRule& rule) {
  std::uint64_t bits = 0;
  for (unsigned value = range.first; value <= range.last; value += step) {
    bits |= std::uint64_t{1} << (value > rule.last ? rule.first : value);
  }
  return bits;
}

/// H, H(a-b), H/step, H(a-b)/step; `body` is without the step.
Result<std::uint64_t> parse_hashed(std::string_view body, std::optional<unsigned> step, const FieldRule& rule,
                                   std::string_view hash_key) {
  Range range{rule.first, rule.last_hashed};
  if (body.size() > 1) {
    if (body.size() < 3 || body[1] != '(' || body.back() != ')' || body.find('-') == std::string_view::npos) {
      return field_error(rule, quoted(body) + " is not H or H(first-last)");
    }
    const Result<Range> given = parse_range(body.substr(2, body.size() - 3), rule);
    if (!given) {
      return given.error();
    }
    range = *given;
    if (range.last > rule.last_hashed) {
      return field_error(rule, "H goes from " + std::to_string(rule.first) + " to " + std::to_string(rule.last_hashed) +
                                   " here, which " + quoted(body) + " leaves");
    }
  }
  const std::uint64_t hash = stable_hash(rule.label, hash_key);
  const unsigned width = range.last - range.first + 1;
  if (!step) {
    return std::uint64_t{1} << (range.first + static_cast<unsigned>(hash % width));
  }
  if (*step > width) {
    return field_error(rule, "the step " + std::to_string(*step) + " is wider than the range of " + quoted(body));
  }
  range.first += static_cast<unsigned>(hash % *step);
  return bits_of(range, *step, rule);
}

Result<std::uint64_t> parse_item(std::string_view text, const FieldRule& rule, std::string_view hash_key) {
  const std::size_t slash = text.find('/');
  const std::string_view body = text.substr(0, slash);
  std::optional<unsigned> step;
  if (slash != std::string_view::npos) {
    const Result<unsigned> given = parse_step(text.substr(slash + 1), rule);
    if (!given) {
      return given.error();
    }
    step = *given;
  }
  if (body == "*") {
    return bits_of({rule.first, rule.last}, step.value_or(1), rule);
  }
  if (body == "H" || body.starts_with("H(")) {
    return parse_hashed(body, step, rule, hash_key);
  }
  if (body.find('-') != std::string_view::npos) {
    const Result<Range> range = parse_range(body, rule);
    if (!range) {
      return range.error();
    }
    return bits_of(*range, step.value_or(1), rule);
  }
  const Result<unsigned> value = parse_value(body, rule);
  if (!value) {
    return value.error();
  }
  return bits_of({*value, step && *value < rule.last ? rule.last : *value}, step.value_or(1), rule);
}

}  // namespace

Result<FieldSet> parse_field(std::string_view text, const FieldRule& rule, std::string_view hash_key) {
  FieldSet set;
  set.wildcard = text.starts_with('*');
  for (const std::string_view item : split(text, ',')) {
    const Result<std::uint64_t> bits = parse_item(item, rule, hash_key);
    if (!bits) {
      return bits.error();
    }
    set.bits |= *bits;
  }
  return set;
}

std::uint64_t stable_hash(std::string_view label, std::string_view key) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto add = [&hash](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U; };
  for (const char c : label) {
    add(c);
  }
  add(':');
  for (const char c : key) {
    add(c);
  }
  // FNV's low bits alone depend on the low bits of the bytes, and small moduli look at nothing else.
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDU;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53U;
  return hash ^ (hash >> 33U);
}

}  // namespace adapter::schedule
