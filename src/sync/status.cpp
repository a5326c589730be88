// SPDX-License-Identifier: Apache-2.0
#include "adapter/sync/status.hpp"

#include "machine.hpp"

namespace adapter::sync {
namespace {

/// Less is drift, more is a clock that was set.
constexpr std::chrono::seconds clock_was_set{1};

}  // namespace

schedule::TimePoint shown_time(schedule::TimePoint wall, std::chrono::steady_clock::time_point steady, Now now) {
  const auto by_steady = now.wall - std::chrono::duration_cast<schedule::TimePoint::duration>(now.steady - steady);
  const auto off = by_steady > wall ? by_steady - wall : wall - by_steady;
  return off > clock_was_set ? by_steady : wall;
}

std::string_view to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::recovering:
      return "recovering";
    case Phase::waiting:
      return "waiting";
    case Phase::checking:
      return "checking";
    case Phase::queued:
      return "queued";
    case Phase::fetching:
      return "fetching";
    case Phase::publishing:
      return "publishing";
    case Phase::backing_off:
      return "backing_off";
    case Phase::suspended:
      return "suspended";
    case Phase::stopped:
      return "stopped";
  }
  return "stopped";
}

}  // namespace adapter::sync
