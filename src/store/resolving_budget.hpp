// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"

namespace adapter::store {

/// What PackScan and the indexer know of a pack before its deltas are resolved.
struct PackCost {
  std::uint64_t pack_bytes = 0;
  std::uint64_t objects = 0;
  std::uint64_t unfolded_bytes = 0;        ///< PackScan::unfolded_bytes()
  std::uint64_t large_unfolded_bytes = 0;  ///< PackScan::large_unfolded_bytes()
};

/// CPU time that resolving the deltas of a transfer may take. libgit2 unfolds a chain of large objects, or of deltas
/// that precede their bases, again and again: a few KiB of a pack can take hours. An honest pack needs a small part of
/// this, but for a thin one with tens of thousands of bases: that one is refused retryably, to be fetched whole.
struct ResolvingBudget {
  std::chrono::milliseconds base{20'000};
  std::chrono::milliseconds for_each_mib{250};     ///< of the pack
  std::chrono::microseconds for_each_object{100};  ///< of the pack
  /// Of what resolving unfolds. A fast machine takes 0.7 s, and twice that when it is loaded.
  std::chrono::milliseconds for_each_gib{6'000};
};

/// Bytes that unfolding may count for, for each byte of the pack: git writes some 5,000 for 300 versions of a file of
/// 12 MiB. A small pack that claims more gets no more time by it.
inline constexpr std::uint64_t max_unfolding_of_pack = 8192;
/// Bytes that large objects of a pack may unfold to, for each byte of Limits::max_tree_bytes.
inline constexpr std::uint64_t max_unfolding_of_tree = 32;

/// The CPU time for a pack, rising with each number of `cost` up to what the limits let count. Any thread.
[[nodiscard]] std::chrono::nanoseconds resolving_time(const ResolvingBudget& budget, const PackCost& cost,
                                                      const Limits& limits) noexcept;

/// The error, of class limit and not retryable, when large objects unfold to more than max_unfolding_of_tree times
/// max_tree_bytes; nullopt when they do not. Any thread.
[[nodiscard]] std::optional<Error> unfolding_refusal(const PackCost& cost, const Limits& limits);

}  // namespace adapter::store
