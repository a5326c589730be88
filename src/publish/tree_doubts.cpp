// SPDX-License-Identifier: Apache-2.0
#include "tree_doubts.hpp"

#include "adapter/base/volume_layout.hpp"

namespace adapter::publish {
namespace {

/// The damage of a tree that looks complete, and whose last sync failed.
constexpr const char* not_stored = "the volume failed to make the tree durable";

}  // namespace

TreeCheck TreeDoubts::check(const Trees& trees, const ObjectId& commit, Crew& crew, const std::stop_token& stop) const {
  TreeCheck check = trees.check(commit, crew, stop);
  if (doubts_->has(path_of(commit))) {
    check.manifest.reset();
    check.damage = not_stored;
  }
  return check;
}

void TreeDoubts::during(const ObjectId& commit, const std::function<void()>& sync) const {
  add(commit);
  sync();
  doubts_->remove(path_of(commit));
}

void TreeDoubts::add(const ObjectId& commit) const {
  doubts_->add(path_of(commit));
}

std::string TreeDoubts::path_of(const ObjectId& commit) const {
  return volume::tree_path(repository_, commit);
}

}  // namespace adapter::publish
