// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "layout.hpp"

namespace adapter::store {

/// Whether packs should be merged: more than `max_small_packs` beside the largest, or at least a few that together
/// weigh half of it. Pure; `packs` as list_packs() gives them.
[[nodiscard]] bool needs_merge(const std::vector<PackFile>& packs) noexcept;

inline constexpr std::size_t max_small_packs = 16;

/// Merges the packs beside the largest into one, or all of them into one when that saves a third. With a limited depth
/// only what the kept tips reach is taken along, and the boundary is narrowed to them first; with all history
/// everything is. Stored bytes are copied as they are, without a search for deltas, and indexed again, which checks
/// every object. The old packs go only after the new one is durable, and only while `may_remove()`; true when something
/// changed. Errors: corrupt, storage, cancelled.
bool merge_packs(const Layout& layout, const std::function<bool()>& may_remove, const std::stop_token& stop);

}  // namespace adapter::store
