// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace adapter::sync {

/// When repositories that left the configuration are deleted: after a delay of steady time without interruption,
/// counted within one run. Pure; told the time.
class PruneSchedule {
public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr TimePoint never = TimePoint::max();

  /// Nullopt: nothing becomes due. A changed delay counts from when each repository was first seen gone.
  void set_delay(std::optional<std::chrono::milliseconds> delay) noexcept { delay_ = delay; }

  /// `gone`: every repository that has files in the volume and is not configured. One that is missing here is
  /// configured again, or deleted, and counts from the beginning the next time. While no repository is configured at
  /// all (an empty or late-mounted file) nothing counts as gone. Returns those that were not gone before.
  std::vector<std::string> observe(TimePoint now, const std::vector<std::string>& gone, bool any_configured);

  /// It is configured: should it be gone again, it counts from the beginning.
  void forget(const std::string& name) { gone_since_.erase(name); }

  /// Whether anything becomes due at all.
  [[nodiscard]] bool deletes() const noexcept { return delay_.has_value(); }
  [[nodiscard]] std::vector<std::string> due(TimePoint now) const;
  /// Of one repository; `never` when it is not gone or nothing becomes due.
  [[nodiscard]] TimePoint due_at(const std::string& name) const;
  /// The first that is later than `now`; `never` when there is none.
  [[nodiscard]] TimePoint next_due(TimePoint now) const;

private:
  std::optional<std::chrono::milliseconds> delay_;
  std::map<std::string, TimePoint> gone_since_;
};

}  // namespace adapter::sync
