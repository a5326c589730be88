// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"

/// Numbers of git's pack files and their indexes of version 2 (gitformat-pack).
namespace adapter::store {

inline constexpr std::size_t pack_header_bytes = 12;
inline constexpr std::size_t trailer_bytes = ObjectId::size_bytes;
inline constexpr unsigned ofs_delta = 6;
inline constexpr unsigned ref_delta = 7;
/// A delta begins with the sizes of its base and of its result: two numbers of at most ten bytes.
inline constexpr std::size_t delta_start_bytes = 20;
/// Where the last seven bits of a number may stand.
inline constexpr unsigned max_number_shift = 60;

inline constexpr std::size_t fanout_at = 8;
inline constexpr std::size_t names_at = fanout_at + 256UL * 4;
inline constexpr std::uint32_t large_offset_flag = 0x80000000U;
inline constexpr std::uint64_t max_index_bytes = 1 * gib;  ///< a limit of ours

/// Four bytes of `bytes`, which holds them, from `at` on.
[[nodiscard]] inline std::uint32_t big_endian(std::string_view bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t index = at; index < at + 4; ++index) {
    value = value << 8U | static_cast<std::uint8_t>(bytes[index]);
  }
  return value;
}

}  // namespace adapter::store
