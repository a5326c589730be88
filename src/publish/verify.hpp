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
  std::uint64_t changed = 0;  ///< other bytes, mode, times or inode; folders included when nothing else in them differs
  std::uint64_t missing = 0;
  std::uint64_t extra = 0;  ///< folders that hold more names than were written
  std::string first;        ///< a path
  [[nodiscard]] bool any() const noexcept { return changed + missing + extra > 0; }
  /// "the tree was edited (entries: 3 changed, 1 missing; first: a/b)".
  [[nodiscard]] std::string text() const;
};

/// Looks at every folder and entry of a tree (one stat each, links read, names counted); reads no file. Throws storage
/// errors and cancelled.
[[nodiscard]] Differences compare_tree(int tree, const Manifest& manifest, Crew& crew, const std::stop_token& stop);

}  // namespace adapter::publish
