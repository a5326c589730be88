// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "adapter/schedule/schedule.hpp"

namespace adapter::schedule {

/// A stretch of time with one offset from UTC: [begin, end). `begin` or `end` may lie beyond what TimePoint can hold.
struct Period {
  std::chrono::sys_seconds begin;
  std::chrono::sys_seconds end;
  std::chrono::seconds offset;  ///< local time minus UTC
};

/// The period that `time` lies in. `rules` is what Zone holds: null for UTC. Does not throw: Zone::find read the data.
[[nodiscard]] Period period_at(const void* rules, std::chrono::sys_seconds time);

}  // namespace adapter::schedule
