// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string_view>
#include <vector>

#include "adapter/publish/tree_source.hpp"
#include "manifest.hpp"

namespace adapter::publish {

/// A symbolic link of the source, not yet written.
struct FoundLink {
  std::uint32_t folder = 0;  ///< in Manifest::folders
  ObjectId id;
  std::string_view name;  ///< in Manifest::strings
};

/// Writes the links of a tree whose folders and files are all there, by `manifest.symlinks` (not `refuse`), and adds
/// them, the folders' new facts and what was left out to `manifest`; the root's facts are the caller's. Links of one
/// id share their target's bytes. `string_bytes` is what the tree's names take, of max_tree_string_bytes. An empty
/// target, or one with a NUL, cannot be made by any system call and is left out under each policy. Errors: limit (a
/// target's length, names and targets together), corrupt, storage, cancelled.
void write_links(int staging, std::vector<FoundLink> links, std::uint64_t string_bytes, TreeReader& reader,
                 Manifest& manifest, const std::stop_token& stop);

}  // namespace adapter::publish
