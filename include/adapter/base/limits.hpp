// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace adapter {

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

/// What one repository may cost; each field is a key under `limits` in the configuration, with these defaults.
struct Limits {
  std::uint64_t max_pack_bytes = 2 * gib;            ///< bytes of one transferred pack
  std::uint64_t max_objects = 5'000'000;             ///< objects of one transferred pack
  std::uint64_t max_object_bytes = 256 * mib;        ///< one object, uncompressed
  std::uint64_t max_paths = 1'000'000;               ///< entries of a published tree, folders included
  std::uint64_t max_tree_bytes = 4 * gib;            ///< bytes of a published tree's files
  std::uint64_t max_depth = 128;                     ///< folders within folders
  std::uint64_t max_refs = 100'000;                  ///< refs kept of one answer
  std::uint64_t max_advertisement_bytes = 64 * mib;  ///< bytes of one answer to ls-refs

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Limits that are not configurable.
inline constexpr std::size_t max_name_bytes = 255;
inline constexpr std::size_t max_path_bytes = 4095;
inline constexpr std::size_t max_delta_chain = 10'000;
inline constexpr std::uint64_t max_commit_or_tag_bytes = 1 * mib;
inline constexpr std::size_t max_symlink_bytes = 4095;
inline constexpr std::size_t max_sideband_line_bytes = 4 * kib;
inline constexpr std::size_t max_header_block_bytes = 64 * kib;
inline constexpr std::size_t max_header_fields = 100;
inline constexpr int max_redirects = 5;
inline constexpr std::uint64_t low_speed_bytes_per_second = 1 * kib;
inline constexpr std::chrono::seconds low_speed_window{30};
inline constexpr std::chrono::minutes default_sync_timeout{15};

}  // namespace adapter
