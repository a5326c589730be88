// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/policy.hpp"
#include "adapter/publish/tree_source.hpp"
#include "adapter/store/store.hpp"

/// What the published tree of a commit shall hold.
namespace adapter::content {

struct TreeOptions {
  /// `refuse` ends the reading at the first link. Which links stay inside is decided when they are written, because it
  /// depends on the volume.
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  Limits limits{};  ///< of them max_paths, max_tree_bytes and max_depth
};

/// Makes a reader of the store that holds the commit. Blocking; any thread.
using ReaderFactory = std::function<std::unique_ptr<store::ObjectReader>()>;

/// The tree of `commit`, of which the store verified names and modes. A submodule is an empty folder; a folder without
/// entries, which git checks out for no commit, is left out.
///
/// The limits hold for all that the readers of one source read together, so a source is for one pass over the tree.
/// Errors of its readers: limit, policy, and those of `readers`.
[[nodiscard]] std::shared_ptr<const publish::TreeSource> make_tree_source(const ObjectId& commit, ReaderFactory readers,
                                                                          const TreeOptions& options);

}  // namespace adapter::content
