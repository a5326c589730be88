// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/object_id.hpp"

#include "adapter/base/text.hpp"

namespace adapter {
namespace {

/// Git writes ids in small letters only.
constexpr int lower_hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  return -1;
}

}  // namespace

std::optional<ObjectId> ObjectId::from_hex(std::string_view hex) noexcept {
  if (hex.size() != hex_size) {
    return std::nullopt;
  }
  ObjectId id;
  for (std::size_t i = 0; i < size_bytes; ++i) {
    const int high = lower_hex_value(hex[2 * i]);
    const int low = lower_hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    id.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

std::string ObjectId::to_hex() const {
  return adapter::to_hex({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
}

}  // namespace adapter
