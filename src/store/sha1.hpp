// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapter/base/object_id.hpp"

namespace adapter::store {

/// SHA-1 (RFC 3174), for the checksum at the end of a pack that we write ourselves. Not for anything that a stranger
/// may choose collisions for: objects are hashed by libgit2, which detects the known attacks.
class Sha1 {
public:
  void update(std::string_view bytes) noexcept;
  /// The digest; nothing may follow.
  [[nodiscard]] ObjectId finish() noexcept;

private:
  void block(const std::uint8_t* data) noexcept;

  std::array<std::uint32_t, 5> state_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace adapter::store
