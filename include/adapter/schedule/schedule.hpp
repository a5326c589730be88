// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapter/base/error.hpp"

/// When a repository is due: pure functions of time. Nothing here reads a clock.
namespace adapter::schedule {

using TimePoint = std::chrono::system_clock::time_point;

/// A time zone by its IANA name ("Europe/Berlin", "UTC"). Cheap to copy; the rules come from the system's time-zone data
/// and are read once.
class Zone {
public:
  /// Class config: names the zone, and says so when the system has no time-zone data.
  [[nodiscard]] static Result<Zone> find(std::string_view name);
  [[nodiscard]] static Zone utc();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  friend bool operator==(const Zone& left, const Zone& right) noexcept { return left.name_ == right.name_; }

private:
  friend class Cron;
  Zone(std::string name, const void* rules) : name_(std::move(name)), rules_(rules) {}
  std::string name_;
  const void* rules_ = nullptr;  ///< owned by the time-zone library's data base, which lives as long as the process
};

/// A cron expression of five fields (minute hour day-of-month month day-of-week): `*`, lists, ranges, steps, names
/// (mon, jan), 7 as Sunday, `H` and `H(a-b)` (a stable hash of the repository's name), and @hourly @daily @midnight @weekly
/// @monthly @yearly @annually (exactly what crontab(5) means by them).
/// When both day fields are restricted, a day matches if either does (crontab(5)).
///
/// Daylight saving: a slot whose local time does not exist fires at the first instant after the gap, once; a slot whose
/// local time exists twice fires at the first of them — except where the hour field is a wildcard (`*` or `*/n`): such
/// expressions follow elapsed time and fire in both.
class Cron {
public:
  /// `hash_key` is the repository's name, for H. Errors are of class config and name the field and what is wrong there.
  [[nodiscard]] static Result<Cron> parse(std::string_view expression, std::string_view hash_key);
  /// The first slot strictly after `after`; nothing when there is none within 5 years ("30 2 31 2 *").
  [[nodiscard]] std::optional<TimePoint> next(TimePoint after, const Zone& zone) const;
  [[nodiscard]] const std::string& expression() const noexcept { return expression_; }
  friend bool operator==(const Cron&, const Cron&) = default;

private:
  std::string expression_;
  std::uint64_t minutes_ = 0;      ///< bit n: minute n
  std::uint32_t hours_ = 0;
  std::uint32_t days_of_month_ = 0;
  std::uint16_t months_ = 0;
  std::uint8_t days_of_week_ = 0;  ///< bit 0: Sunday
  bool any_day_of_month_ = false;
  bool any_day_of_week_ = false;
  bool hour_is_wildcard_ = false;
};

struct Interval {
  std::chrono::milliseconds every{60'000};
  friend bool operator==(const Interval&, const Interval&) = default;
};

struct CronSchedule {
  Cron cron;
  Zone zone;
  friend bool operator==(const CronSchedule&, const CronSchedule&) = default;
};

/// A repository's schedule: `every` or `cron`, with jitter.
struct Schedule {
  std::variant<Interval, CronSchedule> when = Interval{};
  double jitter = 0.10;  ///< 0…1, share of the interval (of the gap to the slot after, for cron, at most 60 s), added or taken

  friend bool operator==(const Schedule&, const Schedule&) = default;

  /// When the next check is due, after one that began at `last`. An interval counts from `last`, ± jitter, and is never in
  /// the past (missed ones fire once, now). A cron slot is delayed, never advanced, by jitter.
  [[nodiscard]] TimePoint next_due(TimePoint last, TimePoint now, std::mt19937_64& random) const;
  /// The first check after a start: an interval spreads over min(every, 10 s) by `random` when `spread`, else now.
  /// Cron: the next slot; a repository that has never been published is due now in either case.
  [[nodiscard]] TimePoint first_due(TimePoint now, bool published, bool spread, std::mt19937_64& random) const;
  /// The longest usual gap between two checks, for staleness: the interval, or the longest gap of the next 400 days' slots.
  [[nodiscard]] std::chrono::milliseconds longest_gap(TimePoint now) const;
};

}  // namespace adapter::schedule
