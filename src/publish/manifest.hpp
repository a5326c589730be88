// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/policy.hpp"
#include "symlinks.hpp"

namespace adapter::publish {

/// What the file system says about an entry and would say otherwise after somebody touched it.
struct Facts {
  std::uint32_t mode = 0;        ///< type and permissions
  std::uint64_t size_bytes = 0;  ///< 0 for folders
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;  ///< 0 for the root of a tree: renaming it changes this one
  std::uint64_t inode = 0;
  friend bool operator==(const Facts&, const Facts&) = default;
};

[[nodiscard]] Facts facts_of(const struct stat& info) noexcept;
[[nodiscard]] Facts root_facts_of(const struct stat& info) noexcept;

struct ManifestEntry {
  std::uint32_t folder = 0;
  std::string name;
  Facts facts;
  std::string target;  ///< of a symbolic link
};

/// What was written into a tree: `folders[i]` describes the folder of `folder_facts[i]`; the root stands first, parents
/// before their children.
struct Manifest {
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  Share share = Share::all;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left_out_link_count = 0;
  std::vector<std::string> left_out_links;  ///< at most max_left_out_listed
  std::vector<FolderNode> folders;
  std::vector<Facts> folder_facts;
  std::vector<ManifestEntry> entries;  ///< files and links, sorted by folder
};

inline constexpr std::size_t max_left_out_listed = 16;
/// More than a million entries with the longest names take.
inline constexpr std::uint64_t max_manifest_bytes = std::uint64_t{1} << 30U;

/// Binary, little-endian, self-contained; ends with a checksum over all before it. Entries must be sorted by folder.
[[nodiscard]] std::string encode(const Manifest& manifest);
/// Nothing when a byte is missing, wrong or too many, or when the version is another one.
[[nodiscard]] std::optional<Manifest> decode(std::string_view bytes);

}  // namespace adapter::publish
