// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.hpp"

#include <algorithm>
#include <iterator>

namespace adapter::admin {
namespace {

void count_failure(Results& results, const sync::Event& event) {
  if (event.error_class) {
    ++results.failed[static_cast<std::size_t>(*event.error_class)];
  }
}

}  // namespace

void Histogram::observe(const BucketBounds& bounds, std::chrono::microseconds duration) noexcept {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto* const bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  ++buckets[static_cast<std::size_t>(std::distance(bounds.begin(), bound))];
  sum += duration;
}

void Metrics::on_event(const sync::Event& event) noexcept {
  const std::lock_guard lock(mutex_);
  count(event);
}

void Metrics::count(const sync::Event& event) {
  using sync::EventKind;
  if (event.kind != EventKind::checked && event.kind != EventKind::published && event.kind != EventKind::failed) {
    return;
  }
  RepositoryCounters& counters = counters_.repositories[event.repository];
  if (event.kind == EventKind::checked) {
    ++(event.changed ? counters.checks.changed : counters.checks.unchanged);
    counters_.check_durations.observe(check_bounds, event.duration);
    return;
  }
  if (event.kind == EventKind::published) {
    ++counters.syncs.changed;
    counters_.sync_durations.observe(sync_bounds, event.duration);
    return;
  }
  if (event.in_sync) {
    count_failure(counters.syncs, event);
    counters_.sync_durations.observe(sync_bounds, event.duration);
  } else {
    count_failure(counters.checks, event);
  }
  if (event.throttled.count() > 0 && !event.host.empty()) {
    const bool known = counters_.throttled.contains(event.host);
    counters_.throttled[known || counters_.throttled.size() < max_hosts ? event.host : "other"] += event.throttled;
  }
}

void Metrics::count_delivery(std::string_view result) {
  const std::lock_guard lock(mutex_);
  ++counters_.deliveries[std::string(result)];
}

void Metrics::forget(std::string_view repository) {
  const std::lock_guard lock(mutex_);
  const auto place = counters_.repositories.find(repository);
  if (place != counters_.repositories.end()) {
    counters_.repositories.erase(place);
  }
}

Counters Metrics::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace adapter::admin
