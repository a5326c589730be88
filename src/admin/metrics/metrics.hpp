// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/sync/events.hpp"

namespace adapter::admin {

/// Upper bounds of the histograms' buckets, in seconds; one bucket more takes the rest.
using BucketBounds = std::array<double, 13>;
inline constexpr BucketBounds check_bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
inline constexpr BucketBounds sync_bounds = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900};

/// How often something took how long.
struct Histogram {
  std::array<std::uint64_t, std::tuple_size_v<BucketBounds> + 1> buckets{};  ///< each without those below it
  std::chrono::microseconds sum{0};

  void observe(const BucketBounds& bounds, std::chrono::microseconds duration) noexcept;
};

/// How often something ended in which way.
struct Results {
  std::uint64_t unchanged = 0;
  std::uint64_t changed = 0;
  std::array<std::uint64_t, error_class_count> failed{};  ///< by class
};

struct RepositoryCounters {
  Results checks;
  Results syncs;  ///< never unchanged
};

/// What happened since the start.
struct Counters {
  std::map<std::string, RepositoryCounters, std::less<>> repositories;
  Histogram check_durations;                                                ///< of checks that were answered
  Histogram sync_durations;                                                 ///< failed ones too
  std::map<std::string, std::chrono::milliseconds, std::less<>> throttled;  ///< by host
  std::map<std::string, std::uint64_t, std::less<>> deliveries;             ///< webhooks, by result
};

/// Counts what happens for those who scrape it. Any thread; one lock, held for some look-ups or one copy.
class Metrics final : public sync::Observer {
public:
  /// Hosts past this many share the entry "other".
  static constexpr std::size_t max_hosts = 1000;

  void on_event(const sync::Event& event) noexcept override;
  /// A webhook arrived: "accepted", "duplicate", "ping", "unmatched" or "refused".
  void count_delivery(std::string_view result);
  /// A repository left the configuration.
  void forget(std::string_view repository);

  [[nodiscard]] Counters counters() const;

private:
  void count(const sync::Event& event);

  mutable std::mutex mutex_;
  Counters counters_;
};

}  // namespace adapter::admin
