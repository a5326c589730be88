// SPDX-License-Identifier: Apache-2.0
#include "adapter/schedule/schedule.hpp"

#include <algorithm>

namespace adapter::schedule {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_spread{10'000};
constexpr milliseconds longest_cron_jitter{60'000};
constexpr std::chrono::minutes small_step_back{5};
constexpr std::chrono::hours without_slot{24};

/// A random share of `whole` in [from, to).
milliseconds share(milliseconds whole, double from, double to, std::mt19937_64& random) {
  if (!(from < to)) {
    return milliseconds{0};
  }
  std::uniform_real_distribution<double> distribution(from, to);
  return milliseconds(static_cast<milliseconds::rep>(distribution(random) * static_cast<double>(whole.count())));
}

/// `slot` with its delay, which ends before the slot after it.
TimePoint delayed(const CronSchedule& schedule, TimePoint slot, double jitter, std::mt19937_64& random) {
  const std::optional<TimePoint> following = schedule.cron.next(slot, schedule.zone);
  milliseconds widest = longest_cron_jitter;
  if (following) {
    const auto gap = std::chrono::floor<milliseconds>(*following - slot);
    widest = std::min(widest, milliseconds(static_cast<milliseconds::rep>(static_cast<double>(gap.count()) * jitter)));
  }
  return slot + (jitter > 0 ? share(widest, 0.0, 1.0, random) : milliseconds{0});
}

TimePoint next_slot(const CronSchedule& schedule, TimePoint after, TimePoint now, double jitter,
                    std::mt19937_64& random) {
  const std::optional<TimePoint> slot = schedule.cron.next(after, schedule.zone);
  if (!slot) {
    return now + without_slot;
  }
  return *slot <= now ? now : delayed(schedule, *slot, jitter, random);
}

}  // namespace

TimePoint Schedule::next_due(TimePoint last, TimePoint now, std::mt19937_64& random) const {
  const double spread = std::clamp(jitter, 0.0, 1.0);
  if (const auto* interval = std::get_if<Interval>(&when)) {
    const TimePoint due = std::min(last, now) + interval->every + share(interval->every, -spread, spread, random);
    return std::max(due, now);
  }
  const bool set_back = last > now + small_step_back;
  return next_slot(std::get<CronSchedule>(when), set_back ? now : last, now, spread, random);
}

TimePoint Schedule::first_due(TimePoint now, std::optional<TimePoint> published, bool spread,
                              std::mt19937_64& random) const {
  if (!published) {
    return now;
  }
  milliseconds width = longest_spread;
  if (const auto* interval = std::get_if<Interval>(&when)) {
    width = std::min(interval->every, longest_spread);
  } else {
    const double delay = std::clamp(jitter, 0.0, 1.0);
    const TimePoint due = next_slot(std::get<CronSchedule>(when), std::min(*published, now), now, delay, random);
    if (due > now) {
      return due;
    }
  }
  return spread ? now + share(width, 0.0, 1.0, random) : now;
}

milliseconds Schedule::longest_gap(TimePoint now) const {
  if (const auto* interval = std::get_if<Interval>(&when)) {
    return interval->every;
  }
  const auto& schedule = std::get<CronSchedule>(when);
  return schedule.cron.longest_gap(now, schedule.zone);
}

}  // namespace adapter::schedule
