// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapter/admin/server.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/sync/status.hpp"
#include "metrics/metrics.hpp"
#include "metrics/process_figures.hpp"

namespace adapter::admin {

/// All that a scrape shows.
struct MetricsInput {
  std::vector<sync::RepositoryStatus> repositories;  ///< the configured ones; of others nothing is shown
  Counters counters;
  net::HttpClient::Stats network;
  std::optional<ReloadStatus> last_reload;  ///< nullopt: there is no configuration yet
  ProcessFigures process;
  std::string version;
};

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus' text exposition format 0.0.4, families in a fixed order, repositories in the order given. A family
/// without a sample is left out.
/// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
[[nodiscard]] std::string render_metrics(const MetricsInput& input);

}  // namespace adapter::admin
