// SPDX-License-Identifier: Apache-2.0
#include "recent_deliveries.hpp"

#include <utility>

#include "hooks/delivery.hpp"

namespace adapter::admin {

void RecentDeliveries::forget_oldest() {
  keys_.erase(entries_.front().key);
  entries_.pop_front();
}

bool RecentDeliveries::is_first(std::string_view route, std::string_view id,
                                std::chrono::steady_clock::time_point now) {
  while (!entries_.empty() && entries_.front().until <= now) {
    forget_oldest();
  }
  if (id.empty() || id.size() > max_delivery_id_bytes) {
    return true;
  }
  std::string key(route);
  key += '\0';
  key += id;
  if (!keys_.insert(key).second) {
    return false;
  }
  if (entries_.size() == max_deliveries) {
    forget_oldest();
  }
  entries_.push_back({std::move(key), now + kept_for});
  return true;
}

}  // namespace adapter::admin
