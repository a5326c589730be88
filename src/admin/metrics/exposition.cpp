// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <initializer_list>
#include <map>
#include <string_view>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

using std::chrono::system_clock;

constexpr std::size_t usual_repository_bytes = 1200;
constexpr std::size_t usual_page_bytes = 16UL * 1024;

template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

/// A timestamp or a sum: no double holds it shorter.
void append_milliseconds(std::string& out, std::chrono::milliseconds value) {
  append_number(out, value.count() / 1000);
  const auto rest = value.count() % 1000;
  if (rest > 0) {
    out.push_back('.');
    out.append(rest < 10 ? "00" : rest < 100 ? "0" : "");
    append_number(out, rest);
  }
}

void append_label_value(std::string& out, std::string_view value) {
  // One byte that is not UTF-8 and the whole page would be refused.
  const std::string escaped = is_valid_utf8(value) ? std::string() : escape(value);
  for (const char c : escaped.empty() ? value : std::string_view(escaped)) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
}

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = std::initializer_list<Label>;

/// The page, as it grows.
class Page {
public:
  explicit Page(std::size_t likely_bytes) { text_.reserve(likely_bytes); }

  /// What the samples that follow belong to. Not written before the first of them.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    type_ = type;
    help_ = help;
    begun_ = false;
  }

  template <typename Value>
  void sample(Labels labels, Value value) {
    sample("", labels, value);
  }

  template <typename Value>
  void sample(std::string_view suffix, Labels labels, Value value) {
    begin();
    text_.append(name_).append(suffix);
    char separator = '{';
    for (const Label& label : labels) {
      text_.push_back(separator);
      text_.append(label.name).append("=\"");
      append_label_value(text_, label.value);
      text_.push_back('"');
      separator = ',';
    }
    text_.append(labels.size() > 0 ? "} " : " ");
    if constexpr (std::same_as<Value, std::chrono::milliseconds>) {
      append_milliseconds(text_, value);
    } else {
      append_number(text_, value);
    }
    text_.push_back('\n');
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

private:
  void begin() {
    if (!begun_) {
      text_.append("# HELP ").append(name_).append(" ").append(help_);
      text_.append("\n# TYPE ").append(name_).append(" ").append(type_).append("\n");
      begun_ = true;
    }
  }

  std::string text_;
  std::string_view name_;
  std::string_view type_;
  std::string_view help_;
  bool begun_ = false;
};

std::chrono::milliseconds since_epoch(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
}

void add_failures(Page& page, const std::string& repository, const Results& results) {
  for (std::size_t i = 0; i < results.failed.size(); ++i) {
    if (results.failed[i] > 0) {
      page.sample({{"repository", repository}, {"result", to_string(static_cast<ErrorClass>(i))}}, results.failed[i]);
    }
  }
}

/// What may happen at any time is there from the start, so that its first increase is seen.
void add_results(Page& page, const MetricsInput& input) {
  static const RepositoryCounters none;
  const auto counters_of = [&](const std::string& name) -> const RepositoryCounters& {
    const auto place = input.counters.repositories.find(name);
    return place == input.counters.repositories.end() ? none : place->second;
  };
  page.family("adapter_checks_total", "counter",
              "Looks at the remote, by result: unchanged, changed, or the class of the error.");
  for (const sync::RepositoryStatus& repository : input.repositories) {
    const Results& checks = counters_of(repository.name).checks;
    page.sample({{"repository", repository.name}, {"result", "unchanged"}}, checks.unchanged);
    page.sample({{"repository", repository.name}, {"result", "changed"}}, checks.changed);
    add_failures(page, repository.name, checks);
  }
  page.family("adapter_syncs_total", "counter",
              "Attempts to fetch and publish a commit, by result: changed, or the class of the error.");
  for (const sync::RepositoryStatus& repository : input.repositories) {
    const Results& syncs = counters_of(repository.name).syncs;
    page.sample({{"repository", repository.name}, {"result", "changed"}}, syncs.changed);
    add_failures(page, repository.name, syncs);
  }
}

void add_histogram(Page& page, const Histogram& histogram, const BucketBounds& bounds) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    count += histogram.buckets[i];
    std::string bound;
    append_number(bound, bounds[i]);
    page.sample("_bucket", {{"le", bound}}, count);
  }
  count += histogram.buckets.back();
  page.sample("_bucket", {{"le", "+Inf"}}, count);
  page.sample("_sum", {}, std::chrono::duration<double>(histogram.sum).count());
  page.sample("_count", {}, count);
}

void add_durations(Page& page, const Counters& counters) {
  page.family("adapter_check_duration_seconds", "histogram", "How long checks took that the remote answered.");
  add_histogram(page, counters.check_durations, check_bounds);
  page.family("adapter_sync_duration_seconds", "histogram",
              "How long it took to fetch and publish a commit, or to fail in it.");
  add_histogram(page, counters.sync_durations, sync_bounds);
}

void add_freshness(Page& page, const std::vector<sync::RepositoryStatus>& repositories) {
  page.family("adapter_last_success_timestamp_seconds", "gauge",
              "When the repository was last known to be in step with its remote; absent before the first time.");
  for (const sync::RepositoryStatus& repository : repositories) {
    if (repository.last_success) {
      page.sample({{"repository", repository.name}}, since_epoch(*repository.last_success));
    }
  }
  page.family("adapter_last_change_timestamp_seconds", "gauge",
              "When a commit was last published; absent before the first time.");
  for (const sync::RepositoryStatus& repository : repositories) {
    if (repository.last_change) {
      page.sample({{"repository", repository.name}}, since_epoch(*repository.last_change));
    }
  }
  page.family("adapter_max_staleness_seconds", "gauge",
              "How old the last success may become; absent for repositories that are pinned or suspended.");
  for (const sync::RepositoryStatus& repository : repositories) {
    if (repository.max_staleness) {
      page.sample({{"repository", repository.name}}, *repository.max_staleness);
    }
  }
}

void add_state(Page& page, const std::vector<sync::RepositoryStatus>& repositories) {
  page.family("adapter_consecutive_failures", "gauge", "Attempts that failed since the last success.");
  for (const sync::RepositoryStatus& repository : repositories) {
    page.sample({{"repository", repository.name}}, repository.failure ? repository.failure->count : 0U);
  }
  page.family("adapter_failure_info", "gauge",
              "The class of the last failure; absent when the last attempt succeeded.");
  for (const sync::RepositoryStatus& repository : repositories) {
    if (repository.failure) {
      page.sample({{"repository", repository.name}, {"class", to_string(repository.failure->error_class)}}, 1U);
    }
  }
  page.family("adapter_published_info", "gauge", "The commit that is published; absent when none is.");
  for (const sync::RepositoryStatus& repository : repositories) {
    if (repository.commit) {
      page.sample({{"repository", repository.name}, {"ref", repository.ref}, {"commit", repository.commit->to_hex()}},
                  1U);
    }
  }
  page.family("adapter_received_bytes_total", "counter", "Bytes of packs received.");
  for (const sync::RepositoryStatus& repository : repositories) {
    page.sample({{"repository", repository.name}}, repository.received_bytes);
  }
  page.family("adapter_residue_entries", "gauge", "Files and directories of old trees that cannot be removed.");
  for (const sync::RepositoryStatus& repository : repositories) {
    page.sample({{"repository", repository.name}}, repository.residue_entries);
  }
}

void add_network(Page& page, const MetricsInput& input) {
  page.family("adapter_http_requests_total", "counter",
              "Requests to remotes, by the answer's status; error: there was no answer.");
  for (const net::HttpClient::HostStats& host : input.network.hosts) {
    for (const net::HttpClient::RequestCount& requests : host.requests) {
      page.sample({{"host", host.host}, {"code", requests.code}}, requests.count);
    }
  }
  page.family("adapter_connections", "gauge", "Connections to remotes.");
  for (const net::HttpClient::HostStats& host : input.network.hosts) {
    page.sample({{"host", host.host}, {"state", "busy"}}, host.busy);
    page.sample({{"host", host.host}, {"state", "idle"}}, host.idle);
  }
  page.family("adapter_host_throttled_seconds_total", "counter",
              "Time that hosts asked to be left alone, summed over the requests that they refused.");
  std::map<std::string_view, std::chrono::milliseconds> throttled;
  for (const net::HttpClient::HostStats& host : input.network.hosts) {
    throttled[host.host] = std::chrono::milliseconds(0);  // so that the first increase is seen
  }
  for (const auto& [host, time] : input.counters.throttled) {
    throttled[host] = time;
  }
  for (const auto& [host, time] : throttled) {
    page.sample({{"host", host}}, time);
  }
  page.family("adapter_webhook_deliveries_total", "counter",
              "Deliveries of webhooks: accepted, duplicate, ping, unmatched or refused.");
  for (const std::string_view known : {"accepted", "duplicate", "ping", "unmatched", "refused"}) {
    const auto place = input.counters.deliveries.find(known);
    page.sample({{"result", known}}, place == input.counters.deliveries.end() ? 0U : place->second);
  }
}

void add_reload(Page& page, const std::optional<ReloadStatus>& reload) {
  if (!reload) {
    return;
  }
  page.family("adapter_config_last_reload_successful", "gauge",
              "Whether the last attempt to load the configuration succeeded; on 0 the one before is in use.");
  page.sample({}, reload->successful ? 1U : 0U);
  page.family("adapter_config_last_reload_success_timestamp_seconds", "gauge",
              "When the configuration in use was loaded.");
  page.sample({}, since_epoch(reload->success_time));
}

void add_process(Page& page, const ProcessFigures& figures) {
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, const auto& value) {
    if (value) {
      page.family(name, type, help);
      page.sample({}, *value);
    }
  };
  add("process_cpu_seconds_total", "counter", "Processor time used, user and system.", figures.cpu_seconds);
  add("process_resident_memory_bytes", "gauge", "Resident memory.", figures.resident_bytes);
  add("process_virtual_memory_bytes", "gauge", "Virtual memory.", figures.virtual_bytes);
  add("process_open_fds", "gauge", "Open file descriptors.", figures.open_fds);
  add("process_max_fds", "gauge", "How many file descriptors may be open.", figures.max_fds);
  if (figures.start_seconds) {
    page.family("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.");
    page.sample({}, std::chrono::milliseconds(static_cast<std::int64_t>(*figures.start_seconds * 1000)));
  }
}

}  // namespace

std::string render_metrics(const MetricsInput& input) {
  Page page(usual_page_bytes + input.repositories.size() * usual_repository_bytes);
  page.family("adapter_build_info", "gauge", "The version of the program.");
  page.sample({{"version", input.version}}, 1U);
  add_reload(page, input.last_reload);
  add_results(page, input);
  add_durations(page, input.counters);
  add_freshness(page, input.repositories);
  add_state(page, input.repositories);
  add_network(page, input);
  add_process(page, input.process);
  return page.take();
}

}  // namespace adapter::admin
