// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;
using sync::Event;
using sync::EventKind;

Event checked(bool changed, std::chrono::microseconds duration = 1ms) {
  Event event;
  event.repository = "docs";
  event.changed = changed;
  event.duration = duration;
  return event;
}

Event published(std::chrono::microseconds duration = 1ms) {
  Event event;
  event.kind = EventKind::published;
  event.repository = "docs";
  event.duration = duration;
  return event;
}

Event failed(ErrorClass error_class, bool in_sync) {
  Event event;
  event.kind = EventKind::failed;
  event.repository = "docs";
  event.error_class = error_class;
  event.in_sync = in_sync;
  event.duration = in_sync ? 2s : 0s;
  return event;
}

std::uint64_t observations(const Histogram& histogram) {
  return std::accumulate(histogram.buckets.begin(), histogram.buckets.end(), std::uint64_t{0});
}

std::uint64_t of_class(const Results& results, ErrorClass error_class) {
  return results.failed[static_cast<std::size_t>(error_class)];
}

TEST(MetricsTest, CountsChecksByTheirResult) {
  Metrics metrics;
  metrics.on_event(checked(false));
  metrics.on_event(checked(false));
  metrics.on_event(checked(true));
  metrics.on_event(failed(ErrorClass::auth, false));
  const Counters counters = metrics.counters();
  const RepositoryCounters& docs = counters.repositories.at("docs");
  EXPECT_EQ(docs.checks.unchanged, 2U);
  EXPECT_EQ(docs.checks.changed, 1U);
  EXPECT_EQ(of_class(docs.checks, ErrorClass::auth), 1U);
  EXPECT_EQ(of_class(docs.syncs, ErrorClass::auth), 0U);
  EXPECT_EQ(observations(counters.check_durations), 3U) << "a check without an answer has no duration";
  EXPECT_EQ(observations(counters.sync_durations), 0U);
}

TEST(MetricsTest, CountsSyncsByTheirResult) {
  Metrics metrics;
  metrics.on_event(published());
  metrics.on_event(failed(ErrorClass::storage, true));
  const Counters counters = metrics.counters();
  const RepositoryCounters& docs = counters.repositories.at("docs");
  EXPECT_EQ(docs.syncs.changed, 1U);
  EXPECT_EQ(of_class(docs.syncs, ErrorClass::storage), 1U);
  EXPECT_EQ(of_class(docs.checks, ErrorClass::storage), 0U);
  EXPECT_EQ(observations(counters.sync_durations), 2U);
  EXPECT_EQ(counters.sync_durations.sum, 2001ms);
}

TEST(MetricsTest, CountsNothingOfOtherEvents) {
  Metrics metrics;
  for (const EventKind kind : {EventKind::changed, EventKind::recovered, EventKind::reloaded}) {
    Event event;
    event.kind = kind;
    metrics.on_event(event);
  }
  EXPECT_TRUE(metrics.counters().repositories.empty());
}

TEST(MetricsTest, PutsADurationIntoTheFirstBucketThatHoldsIt) {
  Metrics metrics;
  for (const auto duration : {0us, 5000us, 5001us, 60'000'000us, 60'000'001us}) {
    metrics.on_event(checked(false, duration));
  }
  const Histogram durations = metrics.counters().check_durations;
  EXPECT_EQ(durations.buckets.front(), 2U);
  EXPECT_EQ(durations.buckets[1], 1U);
  EXPECT_EQ(durations.buckets[durations.buckets.size() - 2], 1U);
  EXPECT_EQ(durations.buckets.back(), 1U);
}

TEST(MetricsTest, AddsUpHowLongHostsAskedToBeLeftAlone) {
  Metrics metrics;
  Event event = failed(ErrorClass::rate_limited, false);
  event.throttled = 30s;
  event.host = "git.example";
  metrics.on_event(event);
  metrics.on_event(event);
  EXPECT_EQ(metrics.counters().throttled.at("git.example"), 60s);
  for (std::size_t i = 0; i < Metrics::max_hosts + 5; ++i) {
    event.host = "h" + std::to_string(i);
    metrics.on_event(event);
  }
  EXPECT_EQ(metrics.counters().throttled.size(), Metrics::max_hosts + 1);
  EXPECT_EQ(metrics.counters().throttled.at("other"), 6 * 30s);
}

TEST(MetricsTest, CountsDeliveriesAndForgetsRepositories) {
  Metrics metrics;
  metrics.count_delivery("accepted");
  metrics.count_delivery("accepted");
  metrics.on_event(checked(false));
  metrics.forget("docs");
  metrics.forget("never-seen");
  const Counters counters = metrics.counters();
  EXPECT_EQ(counters.deliveries.at("accepted"), 2U);
  EXPECT_TRUE(counters.repositories.empty());
}

TEST(MetricsTest, IsCountedAndReadOnSeveralThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics] {
      for (int n = 0; n < 1000; ++n) {
        metrics.on_event(checked(false));
        metrics.count_delivery("ping");
        if (n % 100 == 0) {
          static_cast<void>(metrics.counters());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(metrics.counters().repositories.at("docs").checks.unchanged, 4000U);
  EXPECT_EQ(metrics.counters().deliveries.at("ping"), 4000U);
}

}  // namespace
}  // namespace adapter::admin
