// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "adapter/base/secret.hpp"
#include "adapter/crypto/digest.hpp"

struct evp_mac_ctx_st;  // OpenSSL's EVP_MAC_CTX

namespace adapter::crypto {

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of bytes as they arrive, for webhook signatures. Movable; not synchronised.
/// Compare digests with constant_time_equal() only.
class HmacSha256 {
public:
  using Digest = crypto::Digest<32>;

  /// The key may have any length but 0 (asserted). An Error of class config when this OpenSSL offers no HMAC-SHA-256.
  explicit HmacSha256(const Secret& key);

  void update(std::string_view bytes);
  /// The digest of all that was given; nothing may follow.
  [[nodiscard]] Digest finish();

private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

}  // namespace adapter::crypto
