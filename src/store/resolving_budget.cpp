// SPDX-License-Identifier: Apache-2.0
#include "resolving_budget.hpp"

#include <algorithm>
#include <string>

#include "adapter/base/units.hpp"

namespace adapter::store {
namespace {

std::uint64_t multiply_saturating(std::uint64_t left, std::uint64_t right) noexcept {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(left, right, &product) ? UINT64_MAX : product;
}

std::uint64_t max_unfolded_bytes(const Limits& limits) noexcept {
  return multiply_saturating(limits.max_tree_bytes, max_unfolding_of_tree);
}

}  // namespace

std::chrono::nanoseconds resolving_time(const ResolvingBudget& budget, const PackCost& cost,
                                        const Limits& limits) noexcept {
  const std::uint64_t unfolded = std::min(
      {cost.unfolded_bytes, max_unfolded_bytes(limits), multiply_saturating(cost.pack_bytes, max_unfolding_of_pack)});
  // In milliseconds: limits that an administrator chose freely do not overflow them.
  const auto for_unfolded = budget.for_each_gib * static_cast<double>(unfolded) / static_cast<double>(gib);
  const std::chrono::milliseconds most = std::chrono::hours(24);
  return budget.base + budget.for_each_mib * (cost.pack_bytes / mib) + budget.for_each_object * cost.objects +
         std::min(most, std::chrono::duration_cast<std::chrono::milliseconds>(for_unfolded));
}

std::optional<Error> unfolding_refusal(const PackCost& cost, const Limits& limits) {
  const std::uint64_t most = max_unfolded_bytes(limits);
  if (cost.large_unfolded_bytes <= most) {
    return std::nullopt;
  }
  return Error(ErrorClass::limit, "the versions of large files in the pack (" + format_size(cost.pack_bytes) +
                                      ") unfold to " + format_size(cost.large_unfolded_bytes) +
                                      " while their deltas are resolved, more than " +
                                      std::to_string(max_unfolding_of_tree) + " times limits.max_tree_bytes (" +
                                      format_size(most) + "); fewer versions need less (depth: 1)");
}

}  // namespace adapter::store
