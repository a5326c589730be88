// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/sync/engine.hpp"

namespace adapter::app {

/// What `adapter prune` shows before it deletes anything.
struct PruneList {
  std::string text;                ///< for people; ends with a line feed
  std::vector<std::string> names;  ///< that can be deleted
};

/// From the answer of GET /api/v1/prune. Error of class protocol when it is something else.
[[nodiscard]] Result<PruneList> prune_list(std::string_view json);
[[nodiscard]] PruneList prune_list(const std::vector<sync::PruneCandidate>& candidates);

/// One line a repository.
struct PruneOutcome {
  std::string text;
  bool failed = false;
};

/// From the answer of POST /api/v1/prune. Error of class protocol when it is something else.
[[nodiscard]] Result<PruneOutcome> prune_outcome(std::string_view json);
[[nodiscard]] PruneOutcome prune_outcome(const std::vector<sync::PruneResult>& results);

}  // namespace adapter::app
