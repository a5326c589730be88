// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using testing::HasSubstr;
using testing::Not;

sync::RepositoryStatus repository(std::string name) {
  sync::RepositoryStatus status;
  status.name = std::move(name);
  status.ref = "main";
  return status;
}

sync::RepositoryStatus healthy(std::string name) {
  sync::RepositoryStatus status = repository(std::move(name));
  status.commit = ObjectId::from_hex("1f2e3d4c5b6a79880123456789abcdef01234567");
  status.last_success = system_clock::time_point(1'795'435'200'042ms);
  status.last_change = system_clock::time_point(1'795'435'100s);
  status.max_staleness = 5min;
  status.received_bytes = 4711;
  status.residue_entries = 12;
  return status;
}

/// The lines of one family, without HELP and TYPE.
std::vector<std::string> samples(const std::string& page, std::string_view family) {
  std::vector<std::string> found;
  for (const std::string_view line : split(page, '\n')) {
    const std::string_view name = line.substr(0, line.find_first_of("{ "));
    if (name == family) {
      found.emplace_back(line);
    }
  }
  return found;
}

TEST(ExpositionTest, ShowsWhetherTheLastReloadSucceeded) {
  MetricsInput input;
  EXPECT_THAT(render_metrics(input), Not(HasSubstr("adapter_config_last_reload")));  // no configuration yet
  input.last_reload.emplace();
  input.last_reload->success_time = system_clock::time_point(1'795'435'200'042ms);
  input.last_reload->time = input.last_reload->success_time;
  EXPECT_THAT(render_metrics(input), HasSubstr("\nadapter_config_last_reload_successful 1\n"));
  input.last_reload->successful = false;
  input.last_reload->time += 1h;
  const std::string page = render_metrics(input);
  EXPECT_THAT(page, HasSubstr("\nadapter_config_last_reload_successful 0\n"));
  EXPECT_THAT(page, HasSubstr("\nadapter_config_last_reload_success_timestamp_seconds 1795435200.042\n"));
}

TEST(ExpositionTest, ShowsAHealthyRepository) {
  MetricsInput input;
  input.repositories = {healthy("docs")};
  const std::string page = render_metrics(input);
  for (const char* line : {
           "adapter_last_success_timestamp_seconds{repository=\"docs\"} 1795435200.042\n",
           "adapter_last_change_timestamp_seconds{repository=\"docs\"} 1795435100\n",
           "adapter_max_staleness_seconds{repository=\"docs\"} 300\n",
           "adapter_consecutive_failures{repository=\"docs\"} 0\n",
           "adapter_published_info{repository=\"docs\",ref=\"main\",commit="
           "\"1f2e3d4c5b6a79880123456789abcdef01234567\"} "
           "1\n",
           "adapter_received_bytes_total{repository=\"docs\"} 4711\n",
           "adapter_residue_entries{repository=\"docs\"} 12\n",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
  EXPECT_THAT(page, Not(HasSubstr("adapter_failure_info")));
}

TEST(ExpositionTest, LeavesOutWhatHasNotHappened) {
  MetricsInput input;
  input.repositories = {repository("docs")};
  const std::string page = render_metrics(input);
  for (const char* absent : {"last_success", "last_change", "max_staleness", "published_info", "failure_info"}) {
    EXPECT_THAT(page, Not(HasSubstr(absent)));
  }
}

TEST(ExpositionTest, CountsFromTheStartWhatMayHappenAtAnyTime) {
  MetricsInput input;
  input.repositories = {repository("docs")};
  input.counters.repositories["gone"].checks.changed = 7;
  const std::string page = render_metrics(input);
  EXPECT_THAT(samples(page, "adapter_checks_total"),
              testing::ElementsAre("adapter_checks_total{repository=\"docs\",result=\"unchanged\"} 0",
                                   "adapter_checks_total{repository=\"docs\",result=\"changed\"} 0"));
  EXPECT_THAT(samples(page, "adapter_syncs_total"),
              testing::ElementsAre("adapter_syncs_total{repository=\"docs\",result=\"changed\"} 0"));
  EXPECT_EQ(samples(page, "adapter_webhook_deliveries_total").size(), 5U);
}

TEST(ExpositionTest, NamesTheClassOfFailures) {
  MetricsInput input;
  input.repositories = {repository("docs")};
  input.repositories[0].failure = sync::Failure{ErrorClass::not_found, "no such ref", {}, {}, 3};
  RepositoryCounters& counters = input.counters.repositories["docs"];
  counters.checks.failed[static_cast<std::size_t>(ErrorClass::not_found)] = 3;
  counters.syncs.failed[static_cast<std::size_t>(ErrorClass::policy)] = 2;
  const std::string page = render_metrics(input);
  EXPECT_THAT(page, HasSubstr("adapter_checks_total{repository=\"docs\",result=\"not_found\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("adapter_syncs_total{repository=\"docs\",result=\"policy\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("adapter_consecutive_failures{repository=\"docs\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("adapter_failure_info{repository=\"docs\",class=\"not_found\"} 1\n"));
}

TEST(ExpositionTest, AddsUpTheBucketsOfAHistogram) {
  MetricsInput input;
  input.counters.check_durations.observe(check_bounds, 1ms);
  input.counters.check_durations.observe(check_bounds, 20ms);
  input.counters.check_durations.observe(check_bounds, 90s);
  const std::string page = render_metrics(input);
  for (const char* line : {
           "adapter_check_duration_seconds_bucket{le=\"0.005\"} 1\n",
           "adapter_check_duration_seconds_bucket{le=\"0.01\"} 1\n",
           "adapter_check_duration_seconds_bucket{le=\"0.025\"} 2\n",
           "adapter_check_duration_seconds_bucket{le=\"60\"} 2\n",
           "adapter_check_duration_seconds_bucket{le=\"+Inf\"} 3\n",
           "adapter_check_duration_seconds_sum 90.021\n",
           "adapter_check_duration_seconds_count 3\n",
           "adapter_sync_duration_seconds_bucket{le=\"900\"} 0\n",
           "adapter_sync_duration_seconds_count 0\n",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(ExpositionTest, ShowsTheNetworkHostByHost) {
  MetricsInput input;
  input.network.hosts = {{"a.example", 1, 2, {{"200", 10}, {"error", 1}}}, {"b.example:8443", 0, 0, {}}};
  input.counters.throttled = {{"a.example", 1500ms}, {"c.example", 2s}};
  const std::string page = render_metrics(input);
  for (const char* line : {
           "adapter_http_requests_total{host=\"a.example\",code=\"200\"} 10\n",
           "adapter_http_requests_total{host=\"a.example\",code=\"error\"} 1\n",
           "adapter_connections{host=\"a.example\",state=\"busy\"} 1\n",
           "adapter_connections{host=\"a.example\",state=\"idle\"} 2\n",
           "adapter_connections{host=\"b.example:8443\",state=\"idle\"} 0\n",
           "adapter_host_throttled_seconds_total{host=\"a.example\"} 1.500\n",
           "adapter_host_throttled_seconds_total{host=\"b.example:8443\"} 0\n",
           "adapter_host_throttled_seconds_total{host=\"c.example\"} 2\n",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(ExpositionTest, EscapesLabelValues) {
  MetricsInput input;
  input.version = "a\"b\\c\nd";
  input.repositories = {healthy("docs")};
  input.repositories[0].ref = "bad\xff";
  const std::string page = render_metrics(input);
  EXPECT_THAT(page, HasSubstr(R"(adapter_build_info{version="a\"b\\c\nd"} 1)"));
  EXPECT_TRUE(is_valid_utf8(page));
  EXPECT_THAT(page, HasSubstr(R"(ref="bad\\xFF")"));
}

TEST(ExpositionTest, ShowsProcessFiguresThatAreKnown) {
  MetricsInput input;
  input.process.cpu_seconds = 1.25;
  input.process.open_fds = 12;
  input.process.start_seconds = 1795435200.25;
  const std::string page = render_metrics(input);
  EXPECT_THAT(page, HasSubstr("process_cpu_seconds_total 1.25\n"));
  EXPECT_THAT(page, HasSubstr("process_open_fds 12\n"));
  EXPECT_THAT(page, HasSubstr("process_start_time_seconds 1795435200.250\n"));
  EXPECT_THAT(page, Not(HasSubstr("process_max_fds")));
}

/// The rules of the format that a parser would complain of: each family once, described before its samples, which stand
/// together and differ in their labels.
TEST(ExpositionTest, KeepsToTheFormat) {
  MetricsInput input;
  input.repositories = {healthy("a"), healthy("b"), repository("c")};
  input.repositories[2].failure = sync::Failure{ErrorClass::tls, "", {}, {}, 1};
  input.network.hosts = {{"a.example", 1, 2, {{"200", 10}}}};
  input.process = ProcessFigures::read();
  const std::string page = render_metrics(input);
  ASSERT_TRUE(page.ends_with('\n'));
  std::set<std::string> families;
  std::set<std::string> series;
  std::string family;
  const std::string_view lines = std::string_view(page).substr(0, page.size() - 1);
  for (const std::string_view line : split(lines, '\n')) {
    if (line.starts_with("# HELP ")) {
      family = std::string(line.substr(7, line.find(' ', 7) - 7));
      EXPECT_TRUE(families.insert(family).second) << family;
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(line.substr(7).starts_with(family + " ")) << line;
    } else {
      EXPECT_TRUE(line.starts_with(family)) << line;
      EXPECT_TRUE(series.insert(std::string(line.substr(0, line.rfind(' ')))).second) << line;
    }
  }
  EXPECT_EQ(render_metrics(input), page);
}

}  // namespace
}  // namespace adapter::admin
