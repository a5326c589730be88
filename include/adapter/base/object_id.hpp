// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace adapter {

/// The SHA-1 name of a git object. A value of 20 bytes; default-constructed it is all zero ("no object").
class ObjectId {
public:
  static constexpr std::size_t size_bytes = 20;
  static constexpr std::size_t hex_size = 40;

  constexpr ObjectId() = default;
  explicit ObjectId(std::span<const std::uint8_t, size_bytes> bytes) noexcept {
    std::memcpy(bytes_.data(), bytes.data(), size_bytes);
  }

  /// Exactly 40 lower-case hexadecimal digits, as git writes them; anything else is nothing.
  [[nodiscard]] static std::optional<ObjectId> from_hex(std::string_view hex) noexcept;

  [[nodiscard]] std::string to_hex() const;
  [[nodiscard]] bool is_zero() const noexcept { return *this == ObjectId{}; }
  [[nodiscard]] std::span<const std::uint8_t, size_bytes> bytes() const noexcept { return bytes_; }

  friend bool operator==(const ObjectId&, const ObjectId&) = default;
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;

private:
  std::array<std::uint8_t, size_bytes> bytes_{};
};

}  // namespace adapter

template <>
struct std::hash<adapter::ObjectId> {
  std::size_t operator()(const adapter::ObjectId& id) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, id.bytes().data(), sizeof value);
    return value;
  }
};
