// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapter/base/limits.hpp"

/// What writer and reader of a manifest agree on.
namespace adapter::publish {

inline constexpr std::string_view magic_1 = "adapter manifest 1\n";
inline constexpr std::string_view magic_2 = "adapter manifest 2\n";
static_assert(magic_1.size() == magic_2.size());
inline constexpr std::size_t checksum_bytes = 8;
inline constexpr std::size_t facts_bytes = 4 + 8 + 8 + 8;
inline constexpr std::size_t min_folder_bytes = 4 + 4 + facts_bytes;
inline constexpr std::size_t min_entry_bytes = 4 + 4 + facts_bytes + 4;
inline constexpr std::size_t buffer_bytes = 64 * kib;
/// Longer than any name, target or path that a record holds.
inline constexpr std::size_t max_text_bytes = 16 * kib;

/// FNV-1a, 64 bits: against rot and torn writes, not against an author.
class Checksum {
public:
  void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) {
      sum_ = (sum_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return sum_; }

private:
  std::uint64_t sum_ = 0xcbf29ce484222325ULL;
};

}  // namespace adapter::publish
