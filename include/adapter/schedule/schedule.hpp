// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "adapter/base/error.hpp"

/// When a repository is due: pure functions of time. Nothing here reads a clock.
namespace adapter::schedule {

using TimePoint = std::chrono::system_clock::time_point;

/// A time zone by its IANA name ("Europe/Berlin", "UTC"). Cheap to copy; the rules come from the system's time-zone
/// data and are read once in the life of the process. Any thread.
class Zone {
public:
  /// Class config: names the zone and the nearest known one, or says that the system has no time-zone data. "UTC" and
  /// "Etc/UTC" need no data.
  [[nodiscard]] static Result<Zone> find(std::string_view name);
  [[nodiscard]] static Zone utc();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  friend bool operator==(const Zone& left, const Zone& right) noexcept { return left.name_ == right.name_; }

private:
  friend class Cron;
  Zone(std::string name, const void* rules) : name_(std::move(name)), rules_(rules) {}
  std::string name_;
  const void* rules_ =
      nullptr;  ///< owned by the time-zone library's data base, which lives as long as the process; null: UTC
};

/// A cron expression of five fields (minute hour day-of-month month day-of-week): `*`, lists, ranges, steps, names
/// (mon, jan), 7 as Sunday, `H`, `H(a-b)`, `H/n` and `H(a-b)/n` (a stable hash of the repository's name), and @hourly
/// @daily
/// @midnight @weekly @monthly @yearly @annually (exactly what crontab(5) means by them). An immutable value; any
/// thread.
///
/// Day fields, as in crontab(5): when neither starts with `*`, a day matches if either does; else it must match both.
///
/// Clock changes. A slot whose local time does not exist fires at the first instant after the gap, once (together with
/// whatever else falls there) — except where every hour is selected: there the next hour's slot follows anyway. A slot
/// whose local time exists twice fires at the first of the two — except where the hour field starts with `*` or selects
/// every hour: such expressions follow elapsed time and fire in both. docs/scheduling.md has examples.
class Cron {
public:
  /// `hash_key` is the repository's name, for H. Errors are of class config and name the field and what is wrong there.
  /// An expression that can never fire ("30 2 31 2 *") is refused.
  [[nodiscard]] static Result<Cron> parse(std::string_view expression, std::string_view hash_key);
  /// The first slot strictly after `after`, to the whole minute of local time; nothing when there is none within 9
  /// years (29 February comes after 8 years at most) or `after` is not between the years 1970 and 2200.
  [[nodiscard]] std::optional<TimePoint> next(TimePoint after, const Zone& zone) const;
  /// An upper bound, near to exact, of the longest time between a slot of the 400 days after `after` and the slot that
  /// follows it: exact on the calendar, plus what the largest clock change in that time may add.
  [[nodiscard]] std::chrono::minutes longest_gap(TimePoint after, const Zone& zone) const;
  [[nodiscard]] const std::string& expression() const noexcept { return expression_; }
  friend bool operator==(const Cron&, const Cron&) = default;

private:
  Cron() = default;
  [[nodiscard]] bool matches_day(std::chrono::local_days day) const noexcept;
  [[nodiscard]] std::optional<std::chrono::local_days> first_day(std::chrono::local_days from,
                                                                 std::chrono::local_days until) const noexcept;
  [[nodiscard]] std::optional<std::chrono::minutes> first_time(std::chrono::minutes from) const noexcept;
  [[nodiscard]] std::optional<std::chrono::local_time<std::chrono::minutes>> first_local(
      std::chrono::local_time<std::chrono::minutes> from, std::chrono::local_days until) const noexcept;
  [[nodiscard]] bool selects_every_hour() const noexcept { return hours_ == 0xFFFFFFU; }

  std::string expression_;
  std::uint64_t minutes_ = 0;        ///< bit n: minute n
  std::uint32_t hours_ = 0;          ///< bit n: hour n
  std::uint32_t days_of_month_ = 0;  ///< bit n: day n, from 1
  std::uint16_t months_ = 0;         ///< bit n: month n, from 1
  std::uint8_t days_of_week_ = 0;    ///< bit 0: Sunday
  bool any_day_of_month_ = false;    ///< the field starts with `*`
  bool any_day_of_week_ = false;
  bool hour_is_wildcard_ = false;  ///< the field starts with `*` or selects every hour
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
  double jitter =
      0.10;  ///< 0…1: the share of an interval by which it is lengthened or shortened; see next_due for cron

  friend bool operator==(const Schedule&, const Schedule&) = default;

  /// When the next check is due, after one that began at `last`; never before `now`.
  ///
  /// An interval counts from `last`, ± jitter, and is at most `now + every * (1 + jitter)`, wherever the clock was set
  /// to meanwhile. A cron slot is delayed, never advanced: by a random share, up to jitter, of the time to the slot
  /// after it, at most 60 s. Intervals or slots that were missed (suspend, a long sync) fire once, now. A clock that
  /// was set back by up to 5 minutes does not make a slot fire twice; set back by more, cron goes on from the new time.
  [[nodiscard]] TimePoint next_due(TimePoint last, TimePoint now, std::mt19937_64& random) const;
  /// The first check after a start. `published`: when the tree that is there was last seen to be the remote's; nothing
  /// while there is none: due now. Otherwise an interval, or a cron schedule with a slot between `published` and now,
  /// is due within min(every, 10 s), by `random`, when `spread`, else now; any other cron schedule at its next slot,
  /// delayed as in next_due.
  [[nodiscard]] TimePoint first_due(TimePoint now, std::optional<TimePoint> published, bool spread,
                                    std::mt19937_64& random) const;
  /// The longest usual time between two checks, for staleness, without jitter: the interval, or Cron::longest_gap.
  [[nodiscard]] std::chrono::milliseconds longest_gap(TimePoint now) const;
};

}  // namespace adapter::schedule
