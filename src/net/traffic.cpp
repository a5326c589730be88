// SPDX-License-Identifier: Apache-2.0
#include "traffic.hpp"

#include <algorithm>

namespace adapter::net {

void Traffic::count_answer(int status) {
  for (auto& [known, count] : answers_) {
    if (known == status) {
      ++count;
      return;
    }
  }
  if (answers_.size() < max_statuses) {
    answers_.emplace_back(status, 1);
  } else {
    ++others_;
  }
}

HttpClient::HostStats Traffic::stats(const std::string& host) const {
  HttpClient::HostStats stats;
  stats.host = host;
  stats.busy = busy;
  stats.idle = idle;
  stats.requests.reserve(answers_.size() + 2);
  for (const auto& [status, count] : answers_) {
    stats.requests.push_back({std::to_string(status), count});
  }
  std::sort(stats.requests.begin(), stats.requests.end(),
            [](const auto& left, const auto& right) { return left.code < right.code; });
  if (failures_ > 0) {
    stats.requests.push_back({"error", failures_});
  }
  if (others_ > 0) {
    stats.requests.push_back({"other", others_});
  }
  return stats;
}

Traffic& TrafficTable::of(std::string authority) {
  const auto place = hosts_.find(authority);
  if (place != hosts_.end()) {
    return place->second;
  }
  return hosts_[hosts_.size() < max_hosts ? std::move(authority) : std::string(other_host)];
}

std::vector<HttpClient::HostStats> TrafficTable::stats() const {
  std::vector<HttpClient::HostStats> all;
  all.reserve(hosts_.size());
  for (const auto& [host, traffic] : hosts_) {
    all.push_back(traffic.stats(host));
  }
  return all;
}

}  // namespace adapter::net
