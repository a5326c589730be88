// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "adapter/base/secret.hpp"

namespace adapter::net {

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of bytes as they arrive, for webhook signatures. Movable; not synchronised.
/// Compare digests with constant_time_equal() only.
class HmacSha256 {
public:
  using Digest = std::array<std::uint8_t, 32>;

  /// The key may have any length but 0 (asserted). An Error of class config when this OpenSSL offers no HMAC-SHA-256.
  explicit HmacSha256(const Secret& key);
  HmacSha256(HmacSha256&& other) noexcept;
  HmacSha256& operator=(HmacSha256&& other) noexcept;
  ~HmacSha256();

  void update(std::string_view bytes);
  /// The digest of all that was given; nothing may follow.
  [[nodiscard]] Digest finish();

private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace adapter::net
