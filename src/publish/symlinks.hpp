// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace adapter::publish {

/// A folder of a tree: index 0 is the tree's root (its own parent, without a name), a parent stands before its
/// children.
struct FolderNode {
  std::uint32_t parent = 0;
  std::string_view name;
};

/// A symbolic link of a tree.
struct LinkNode {
  std::uint32_t folder = 0;  ///< index of the folder it lies in
  std::string_view name;
  std::string_view target;
};

/// Components walked for all links of one tree together. An honest tree of 100,000 links needs a few millions.
inline constexpr std::uint64_t default_link_step_budget = 20'000'000;

/// How the volume finds a name.
enum class NameLookup : std::uint8_t {
  exact,
  caseless,  ///< `B` finds `b`, by rules that differ from volume to volume
};

/// For each link whether it stays inside the tree: resolved as the kernel would, through the tree's other links, from
/// the folder it lies in. It leaves when its target is absolute, or when a `..` is taken at the root, at any point of
/// the resolution. What ends before that stays: at a missing name, at a file, at a loop, after more than 40 links.
/// With `caseless` names are compared without ASCII case, and because a volume may know more letters than these, the
/// walk goes on through a name that is missing as if it were a folder, and a `..` past the root leaves.
///
/// The tree judged is the whole one, also where another link on the way is left out: leaving links out only makes
/// resolutions end earlier, so what stays inside here stays inside there. Pure; each link is resolved once, so the work
/// is the sum of the targets' components; past `step_budget` of them the links not yet judged count as leaving. Throws
/// cancelled within a thousand steps of a stop.
[[nodiscard]] std::vector<bool> links_inside(std::span<const FolderNode> folders, std::span<const LinkNode> links,
                                             NameLookup lookup = NameLookup::exact,
                                             std::uint64_t step_budget = default_link_step_budget,
                                             const std::stop_token& stop = {});

/// "a/b/c", empty for the root.
[[nodiscard]] std::string folder_path(std::span<const FolderNode> folders, std::uint32_t folder);

}  // namespace adapter::publish
