// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "objects.hpp"

namespace adapter::store {

/// Commits we mean to hold, and where they end.
struct History {
  std::vector<ObjectId> commits;  ///< newest first, as far as they were walked
  std::vector<ObjectId> shallow;  ///< sorted: commits whose parents we do not hold
};

/// The history of `tips` (commits): `depth` generations of each, or all when it is 0. The walk ends at `shallow` (what
/// a remote said about its boundary) and never reads past it; a commit is in the new boundary when one of its parents
/// is not in the history. With depth 0 the walk also ends at `known`, commits whose history was found complete before,
/// unless a boundary has to be traced. Throws corrupt when a commit is malformed, or missing with depth 0; limit over a
/// million commits with a boundary.
[[nodiscard]] History walk_history(ObjectSource& source, std::span<const ObjectId> tips, std::uint32_t depth,
                                   std::span<const ObjectId> shallow, std::span<const ObjectId> known,
                                   const std::stop_token& stop);

}  // namespace adapter::store
