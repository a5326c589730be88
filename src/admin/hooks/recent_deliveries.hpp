// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

namespace adapter::admin {

/// The deliveries of the last hour, to answer a forge that sends one again without looking again. Keeps at most 1,024,
/// the oldest are forgotten first. Tell it only of deliveries that were verified: nobody else may fill it. Not
/// synchronised.
class RecentDeliveries {
public:
  static constexpr std::size_t max_deliveries = 1024;
  static constexpr std::chrono::hours kept_for{1};

  /// Whether this is the first delivery with that id on that route (GitHub gives one id to all webhooks that hear of
  /// an event); remembers it. An empty id, or one longer than 128 bytes, is always the first.
  [[nodiscard]] bool is_first(std::string_view route, std::string_view id, std::chrono::steady_clock::time_point now);

private:
  struct Entry {
    std::string key;
    std::chrono::steady_clock::time_point until;
  };

  void forget_oldest();

  std::deque<Entry> entries_;  ///< in order of arrival
  std::unordered_set<std::string> keys_;
};

}  // namespace adapter::admin
