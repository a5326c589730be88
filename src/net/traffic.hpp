// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/net/http_client.hpp"

namespace adapter::net {

/// What goes on with one host, and what became of the requests to it. Counting is a few instructions.
class Traffic {
public:
  /// A server may answer with any status, and each is a figure that somebody keeps for ever.
  static constexpr std::size_t max_statuses = 32;

  void count_answer(int status);
  void count_failure() noexcept { ++failures_; }
  [[nodiscard]] HttpClient::HostStats stats(const std::string& host) const;

  std::size_t busy = 0;  ///< connections
  std::size_t idle = 0;

private:
  std::vector<std::pair<int, std::uint64_t>> answers_;  // in the order of their first time
  std::uint64_t others_ = 0;
  std::uint64_t failures_ = 0;
};

/// Every host that was ever spoken to, up to a limit; the rest share one entry. Loop thread only.
class TrafficTable {
public:
  static constexpr std::size_t max_hosts = 1000;
  static constexpr std::string_view other_host = "other";

  /// Of the host with this authority; the reference stays valid.
  [[nodiscard]] Traffic& of(std::string authority);
  [[nodiscard]] std::vector<HttpClient::HostStats> stats() const;  ///< in the order of the names

private:
  std::map<std::string, Traffic> hosts_;
};

}  // namespace adapter::net
