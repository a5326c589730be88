// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <unordered_set>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "objects.hpp"

namespace adapter::store {

/// Everything that commits and tags lead to, each object once: tags, commits, then trees before what they hold. Blobs
/// are noted and not looked at. Blocking; one thread. `source` and `stop` outlive it. Errors: what `source` throws,
/// corrupt for a tree or commit that it lacks; cancelled, within one object and steps_between_stop_checks entries of a
/// tree.
class Reach {
public:
  Reach(ObjectSource& source, const std::stop_token& stop) : source_(source), stop_(stop) {}

  /// The tags that lead from `tip` to its commit; none for a tip that is a commit, or that `source` lacks.
  void add_tip(const std::optional<ObjectId>& tip);
  /// The commits, without their parents, and all that their trees hold.
  void add_commits(std::span<const ObjectId> commits);

  [[nodiscard]] const std::vector<ObjectId>& ids() const noexcept { return ids_; }

private:
  bool note(const ObjectId& id);
  void add_tree(const ObjectId& root);

  ObjectSource& source_;
  const std::stop_token& stop_;
  std::vector<ObjectId> ids_;
  std::unordered_set<ObjectId> seen_;
  std::size_t steps_ = 0;
};

}  // namespace adapter::store
