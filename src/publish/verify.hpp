// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "crew.hpp"
#include "manifest.hpp"

namespace adapter::publish {

/// How a tree on disk differs from its manifest.
struct Differences {
  std::uint64_t changed = 0;  ///< other bytes, mode or times; folders included when nothing else in them differs
  std::uint64_t missing = 0;
  std::uint64_t extra = 0;  ///< folders that hold more names than were written
  std::string first;        ///< a path
  /// No difference: entries of which only the change time and the group's permissions differ, with the same bytes.
  std::uint64_t refreshed = 0;
  [[nodiscard]] bool any() const noexcept { return changed + missing + extra > 0; }
  /// "the tree was edited (entries: 3 changed, 1 missing; first: a/b)".
  [[nodiscard]] std::string text() const;
};

/// Looks at every folder and entry of a tree (one stat each, links read, names counted). Reads no file, except those of
/// this process's user whose change time alone differs, or that also gained permissions of the group: a recursive chgrp
/// and chmod of the volume is no edit. Their bytes are held against the blob's id, and `manifest` takes their facts
/// anew
/// (`refreshed`). Throws cancelled and storage errors; UnreadablePlace (folder.hpp) at a place that the disk does not
/// deliver.
[[nodiscard]] Differences compare_tree(int tree, Manifest& manifest, Crew& crew, const std::stop_token& stop);

}  // namespace adapter::publish
