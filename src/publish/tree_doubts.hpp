// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "adapter/base/object_id.hpp"
#include "adapter/publish/doubts.hpp"
#include "crew.hpp"
#include "trees.hpp"

namespace adapter::publish {

/// What Doubts says of one repository's trees: the last sync of some failed, and their record may be there
/// nevertheless. Blocking; any thread.
class TreeDoubts {
public:
  /// `doubts` outlives it.
  TreeDoubts(std::string repository, Doubts& doubts) : repository_(std::move(repository)), doubts_(&doubts) {}

  /// As trees.check(); a tree in doubt is damaged.
  [[nodiscard]] TreeCheck check(const Trees& trees, const ObjectId& commit, Crew& crew,
                                const std::stop_token& stop) const;
  /// Runs `sync`, which makes `commit`'s tree durable. When it throws, the tree stays in doubt.
  void during(const ObjectId& commit, const std::function<void()>& sync) const;
  void add(const ObjectId& commit) const;

private:
  [[nodiscard]] std::string path_of(const ObjectId& commit) const;

  std::string repository_;
  Doubts* doubts_;
};

}  // namespace adapter::publish
