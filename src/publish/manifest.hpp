// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/policy.hpp"
#include "string_arena.hpp"
#include "symlinks.hpp"

namespace adapter::publish {

/// What the file system says about an entry and would say otherwise after somebody touched it. Inodes are left out:
/// some network file systems number them anew at each mount.
struct Facts {
  std::uint32_t mode = 0;        ///< type and permissions
  std::uint64_t size_bytes = 0;  ///< 0 for folders
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;  ///< 0 for the root of a tree: renaming it changes this one
  friend bool operator==(const Facts&, const Facts&) = default;
};

[[nodiscard]] Facts facts_of(const struct stat& info) noexcept;
[[nodiscard]] Facts root_facts_of(const struct stat& info) noexcept;

struct ManifestEntry {
  std::uint32_t folder = 0;
  ObjectId id;              ///< of the blob; zero in a record of version 1
  std::string_view name;    ///< in Manifest::strings
  std::string_view target;  ///< of a symbolic link, in Manifest::strings; equal targets share their bytes
  Facts facts;
};

/// What was written into a tree: `folders[i]` describes the folder of `folder_facts[i]`; the root stands first, parents
/// before their children. All names and targets lie in `strings`, at most max_tree_string_bytes together.
struct Manifest {
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  Share share = Share::all;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left_out_link_count = 0;
  std::vector<std::string> left_out_links;  ///< at most max_left_out_listed
  StringArena strings;
  std::vector<FolderNode> folders;
  std::vector<Facts> folder_facts;
  std::vector<ManifestEntry> entries;  ///< files and links, sorted by folder
};

inline constexpr std::size_t max_left_out_listed = 16;
/// More than a million entries with the longest names take.
inline constexpr std::uint64_t max_manifest_bytes = std::uint64_t{1} << 30U;
/// Bytes of all names and of all distinct targets of symbolic links of one tree.
inline constexpr std::uint64_t max_tree_string_bytes = 64 * mib;

/// Takes the next bytes of a record, at most 64 KiB at once.
using ByteSink = std::function<void(std::string_view)>;
/// Reads up to `size` bytes; zero at the end.
using ByteSource = std::function<std::size_t(char* to, std::size_t size)>;

/// Writes version 2 of the record: binary, little-endian, self-contained; a checksum over all before it is last.
/// Entries must be sorted by folder. Needs memory for 64 KiB and 16 bytes a distinct target.
void encode(const Manifest& manifest, const ByteSink& sink);
/// Reads versions 1 and 2; `size_bytes` is what the source holds. nullopt when a byte is missing, wrong or too many,
/// when names and targets exceed max_tree_string_bytes, or when the version is another one. What the source throws
/// passes through.
[[nodiscard]] std::optional<Manifest> decode(const ByteSource& source, std::uint64_t size_bytes);

}  // namespace adapter::publish
