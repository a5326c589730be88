// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/schedule/schedule.hpp"
#include "cron_field.hpp"

namespace adapter::schedule {
namespace {

constexpr std::size_t max_expression_bytes = 512;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

constexpr std::array<FieldRule, 5> field_rules{{
    {"minute", 0, 59, 59, 59, {}},
    {"hour", 0, 23, 23, 23, {}},
    {"day-of-month", 1, 31, 31, 28, {}},
    {"month", 1, 12, 12, 12, month_names},
    {"day-of-week", 0, 6, 7, 6, day_names},
}};

struct Nickname {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Nickname, 7> nicknames{{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

Result<std::string_view> expand_nickname(std::string_view text) {
  std::array<std::string_view, nicknames.size()> names;
  for (std::size_t i = 0; i < nicknames.size(); ++i) {
    if (text == nicknames[i].name) {
      return nicknames[i].fields;
    }
    names[i] = nicknames[i].name;
  }
  if (text == "@reboot") {
    return Error(
        ErrorClass::config,
        "cron: @reboot is not a schedule; a slot that passed during a stop is made up for at the start anyway");
  }
  if (text.starts_with("@every")) {
    const std::string_view given = trim(text.substr(6));
    return Error(ErrorClass::config, "cron: @every is not a cron expression; write every: " +
                                         (given.empty() ? "5m" : escape(given, 60)) + " in place of cron");
  }
  const std::string_view meant = nearest(text, names);
  return Error(ErrorClass::config, "cron: unknown name \"" + escape(text, 60) + "\"; " +
                                       (meant.empty() ? "known are @hourly, @daily, @weekly, @monthly and @yearly"
                                                      : "did you mean " + std::string(meant) + "?"));
}

/// "CRON_TZ=Europe/Berlin 0 3 * * *", as some crontabs have it: the zone has a key of its own.
std::optional<Error> refuse_zone(std::string_view text) {
  for (const std::string_view word : {std::string_view("CRON_TZ="), std::string_view("TZ=")}) {
    if (text.starts_with(word)) {
      const std::string_view rest = text.substr(word.size());
      const std::string zone = escape(rest.substr(0, rest.find_first_of(" \t")), 60);
      return Error(ErrorClass::config, "cron: " + std::string(word) + " is not read here; write timezone: " +
                                           (zone.empty() ? "Europe/Berlin" : zone) + " beside cron");
    }
  }
  return std::nullopt;
}

std::string count_of(std::size_t fields) {
  std::string text = std::to_string(fields) + " fields; write five: minute hour day-of-month month day-of-week";
  if (fields == field_rules.size() + 1 || fields == field_rules.size() + 2) {
    text += ", none for seconds or years (every: 10s is the key for less than a minute)";
  } else if (fields > field_rules.size()) {
    text += "; the command of a crontab has no place here: docs/events.md has scripts that act on a new commit";
  }
  return text;
}

std::vector<std::string_view> words_of(std::string_view text) {
  static constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) {
      return words;
    }
    text.remove_prefix(begin);
    const std::size_t end = text.find_first_of(blanks);
    words.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return words;
    }
    text.remove_prefix(end);
  }
}

/// Whether one of `month_set` has, in some year, one of `day_set`.
bool has_a_date(std::uint64_t day_set, std::uint64_t month_set) {
  constexpr std::array<unsigned, 13> longest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    const std::uint64_t days_of_it = (std::uint64_t{2} << longest[month]) - 2;
    if (((month_set >> month) & 1U) != 0 && (day_set & days_of_it) != 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view expression, std::string_view hash_key) {
  if (expression.size() > max_expression_bytes) {
    return Error(ErrorClass::config,
                 "cron: the expression is longer than " + std::to_string(max_expression_bytes) + " bytes");
  }
  std::string_view text = trim(expression);
  if (text.starts_with('@')) {
    const Result<std::string_view> expanded = expand_nickname(text);
    if (!expanded) {
      return expanded.error();
    }
    text = *expanded;
  }
  if (std::optional<Error> refused = refuse_zone(text)) {
    return std::move(*refused);
  }
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != field_rules.size()) {
    return Error(ErrorClass::config, "cron: \"" + escape(expression, 100) + "\" has " + count_of(words.size()));
  }
  std::array<FieldSet, field_rules.size()> sets;
  for (std::size_t i = 0; i < field_rules.size(); ++i) {
    const Result<FieldSet> set = parse_field(words[i], field_rules[i], hash_key);
    if (!set) {
      return set.error();
    }
    sets[i] = *set;
  }
  Cron cron;
  cron.expression_ = expression;
  cron.minutes_ = sets[0].bits;
  cron.hours_ = static_cast<std::uint32_t>(sets[1].bits);
  cron.days_of_month_ = static_cast<std::uint32_t>(sets[2].bits);
  cron.months_ = static_cast<std::uint16_t>(sets[3].bits);
  cron.days_of_week_ = static_cast<std::uint8_t>(sets[4].bits);
  cron.any_day_of_month_ = sets[2].wildcard;
  cron.any_day_of_week_ = sets[4].wildcard;
  cron.hour_is_wildcard_ = sets[1].wildcard || cron.selects_every_hour();
  const bool needs_date = cron.any_day_of_month_ || cron.any_day_of_week_;
  if (needs_date && !has_a_date(sets[2].bits, sets[3].bits)) {
    return Error(ErrorClass::config,
                 "cron: \"" + escape(expression, 100) + "\" never fires: no month it names has a day it names");
  }
  return cron;
}

}  // namespace adapter::schedule
