// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <chrono>

#include "adapter/schedule/schedule.hpp"
#include "zone.hpp"

namespace adapter::schedule {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using LocalMinutes = std::chrono::local_time<minutes>;
using LocalSeconds = std::chrono::local_time<seconds>;

constexpr days search_limit{9 * 366};
constexpr days gap_window{400};
constexpr sys_days earliest = std::chrono::year{1970} / 1 / 1;
constexpr sys_days latest = std::chrono::year{2200} / 1 / 1;

LocalSeconds to_local(sys_seconds time, seconds offset) {
  return LocalSeconds(time.time_since_epoch() + offset);
}

sys_seconds to_utc(LocalMinutes time, seconds offset) {
  return sys_seconds(time.time_since_epoch() - offset);
}

LocalMinutes ceil_minutes(LocalSeconds time) {
  return std::chrono::ceil<minutes>(time);
}

template <class Bits>
bool has_bit(Bits bits, unsigned index) noexcept {
  return ((static_cast<std::uint64_t>(bits) >> index) & 1U) != 0;
}

/// The lowest bit that is set at or above `from`; 64 when there is none.
template <class Bits>
unsigned first_bit(Bits bits, unsigned from) noexcept {
  return from >= 64 ? 64U : static_cast<unsigned>(std::countr_zero((static_cast<std::uint64_t>(bits) >> from) << from));
}

/// The longest time by which local clocks jump, either way, between `from` and `until`.
seconds largest_change(const void* rules, sys_seconds from, sys_seconds until) {
  seconds largest{0};
  for (Period period = period_at(rules, from); period.end < until;) {
    const Period following = period_at(rules, period.end);
    largest = std::max(largest, std::chrono::abs(following.offset - period.offset));
    period = following;
  }
  return largest;
}

}  // namespace

bool Cron::matches_day(local_days day) const noexcept {
  const std::chrono::year_month_day date(day);
  const bool by_date = has_bit(days_of_month_, static_cast<unsigned>(date.day()));
  const bool by_weekday = has_bit(days_of_week_, std::chrono::weekday(day).c_encoding());
  return any_day_of_month_ || any_day_of_week_ ? by_date && by_weekday : by_date || by_weekday;
}

std::optional<local_days> Cron::first_day(local_days from, local_days until) const noexcept {
  for (local_days day = from; day <= until;) {
    const std::chrono::year_month_day date(day);
    if (!has_bit(months_, static_cast<unsigned>(date.month()))) {
      day = local_days((date.year() / date.month() + std::chrono::months{1}) / 1);
    } else if (matches_day(day)) {
      return day;
    } else {
      day += days{1};
    }
  }
  return std::nullopt;
}

std::optional<minutes> Cron::first_time(minutes from) const noexcept {
  const auto hour = static_cast<unsigned>(from / hours{1});
  const auto minute = static_cast<unsigned>((from % hours{1}).count());
  if (hour >= 24) {
    return std::nullopt;
  }
  if (has_bit(hours_, hour)) {
    const unsigned found = first_bit(minutes_, minute);
    if (found < 64) {
      return hours{hour} + minutes{found};
    }
  }
  const unsigned later = first_bit(hours_, hour + 1);
  if (later >= 64) {
    return std::nullopt;
  }
  return hours{later} + minutes{first_bit(minutes_, 0)};
}

std::optional<LocalMinutes> Cron::first_local(LocalMinutes from, local_days until) const noexcept {
  const local_days today = floor<days>(from);
  if (has_bit(months_, static_cast<unsigned>(std::chrono::year_month_day(today).month())) && matches_day(today)) {
    const std::optional<minutes> time = first_time(from - LocalMinutes(today));
    if (time) {
      return LocalMinutes(today) + *time;
    }
  }
  const std::optional<local_days> day = first_day(today + days{1}, until);
  if (!day) {
    return std::nullopt;
  }
  return LocalMinutes(*day) + first_time(minutes{0}).value_or(minutes{0});
}

std::optional<TimePoint> Cron::next(TimePoint after, const Zone& zone) const {
  const auto start = floor<seconds>(after);
  if (start < earliest || start > latest) {
    return std::nullopt;
  }
  Period period = period_at(zone.rules_, start);
  LocalMinutes from = floor<minutes>(to_local(start, period.offset)) + minutes{1};
  const local_days until = floor<days>(from) + search_limit;
  if (!hour_is_wildcard_ && period.begin > earliest) {
    // The local times that this period shares with the one before fired there.
    const Period before = period_at(zone.rules_, period.begin - seconds{1});
    from = std::max(from, ceil_minutes(to_local(period.begin, before.offset)));
  }
  while (floor<days>(from) <= until) {
    const std::optional<LocalMinutes> slot = first_local(from, until);
    if (!slot) {
      return std::nullopt;
    }
    const sys_seconds instant = to_utc(*slot, period.offset);
    if (instant < period.end) {
      return instant;
    }
    const Period following = period_at(zone.rules_, period.end);
    const LocalSeconds resumed = to_local(period.end, following.offset);
    if (*slot < resumed && !selects_every_hour()) {
      return period.end;
    }
    const LocalSeconds stopped = to_local(period.end, period.offset);
    from = ceil_minutes(hour_is_wildcard_ ? resumed : std::max(resumed, stopped));
    period = following;
  }
  return std::nullopt;
}

minutes Cron::longest_gap(TimePoint after, const Zone& zone) const {
  const std::optional<TimePoint> first = next(after, zone);
  if (!first) {
    return search_limit;
  }
  const auto begin = floor<seconds>(*first);
  const LocalSeconds local = to_local(begin, period_at(zone.rules_, begin).offset);
  const local_days until = floor<days>(local) + gap_window;

  const minutes earliest_time = first_time(minutes{0}).value_or(minutes{0});
  minutes within_day{0};
  minutes latest_time = earliest_time;
  while (const std::optional<minutes> time = first_time(latest_time + minutes{1})) {
    within_day = std::max(within_day, *time - latest_time);
    latest_time = *time;
  }

  minutes longest = within_day;
  // A slot that a gap moved past midnight belongs to the day before.
  std::optional<local_days> day = first_day(floor<days>(local) - days{1}, until + search_limit);
  while (day && *day < until) {
    const std::optional<local_days> following = first_day(*day + days{1}, *day + search_limit);
    if (!following) {
      break;
    }
    longest = std::max(longest, *following - *day + earliest_time - latest_time);
    day = following;
  }
  const seconds change = largest_change(zone.rules_, begin, begin + gap_window);
  return longest + std::chrono::ceil<minutes>(selects_every_hour() ? change % hours{1} : change);
}

}  // namespace adapter::schedule
