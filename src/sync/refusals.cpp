// SPDX-License-Identifier: Apache-2.0
#include "refusals.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {

void remember(Refusals& refusals, const ObjectId& tip, Refusal refusal) {
  const auto is_older = [](const auto& left, const auto& right) { return left.second.number < right.second.number; };
  const auto newest = std::max_element(refusals.begin(), refusals.end(), is_older);
  refusal.number = newest == refusals.end() ? 1 : newest->second.number + 1;
  if (refusals.size() >= max_refusals && !refusals.contains(tip)) {
    refusals.erase(std::min_element(refusals.begin(), refusals.end(), is_older));
  }
  refusals[tip] = std::move(refusal);
}

}  // namespace adapter::sync
