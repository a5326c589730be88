// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/store/store.hpp"
#include "manifest.hpp"

namespace adapter::publish {

/// Bytes of all distinct symbolic-link targets of one tree.
inline constexpr std::uint64_t max_link_target_bytes = 64 * mib;

/// A symbolic link of the commit, not yet written.
struct FoundLink {
  std::uint32_t folder = 0;  ///< in Manifest::folders
  std::string name;
  ObjectId blob;
};

/// Writes the links of a tree whose folders and files are all there, by `manifest.symlinks` (not `refuse`), and adds
/// them, the folders' new facts and what was left out to `manifest`; the root's facts are the caller's. An empty
/// target, or one with a NUL, cannot be made by any system call and is left out under each policy. Errors: limit (a
/// target's length, all targets together), corrupt, storage, cancelled.
void write_links(int staging, std::vector<FoundLink> links, store::ObjectReader& reader, Manifest& manifest,
                 const std::stop_token& stop);

}  // namespace adapter::publish
