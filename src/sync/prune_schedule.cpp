// SPDX-License-Identifier: Apache-2.0
#include "prune_schedule.hpp"

#include <algorithm>

namespace adapter::sync {

std::vector<std::string> PruneSchedule::observe(TimePoint now, const std::vector<std::string>& gone,
                                                bool any_configured) {
  if (!any_configured) {
    gone_since_.clear();
    return {};
  }
  std::vector<std::string> fresh;
  std::map<std::string, TimePoint> since;
  for (const std::string& name : gone) {
    const auto known = gone_since_.find(name);
    if (known == gone_since_.end()) {
      fresh.push_back(name);
    }
    since[name] = known == gone_since_.end() ? now : known->second;
  }
  gone_since_ = std::move(since);
  return fresh;
}

std::vector<std::string> PruneSchedule::due(TimePoint now) const {
  std::vector<std::string> names;
  for (const auto& [name, since] : gone_since_) {
    const TimePoint due = due_at(name);
    if (due != never && due <= now) {
      names.push_back(name);
    }
  }
  return names;
}

PruneSchedule::TimePoint PruneSchedule::due_at(const std::string& name) const {
  const auto known = gone_since_.find(name);
  if (!delay_ || known == gone_since_.end() || never - known->second <= *delay_) {
    return never;
  }
  return known->second + *delay_;
}

PruneSchedule::TimePoint PruneSchedule::next_due(TimePoint now) const {
  TimePoint first = never;
  for (const auto& [name, since] : gone_since_) {
    const TimePoint due = due_at(name);
    if (due > now) {
      first = std::min(first, due);
    }
  }
  return first;
}

}  // namespace adapter::sync
