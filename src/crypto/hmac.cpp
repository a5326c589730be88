// SPDX-License-Identifier: Apache-2.0
#include "adapter/crypto/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cassert>
#include <string>

#include "require.hpp"

namespace adapter::crypto {
namespace {

constexpr std::string_view hmac_name = "HMAC-SHA-256";

// A view without memory has no pointer, which OpenSSL takes for "no key given".
const unsigned char* pointer_to(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.empty() ? "" : bytes.data());
}

}  // namespace

void HmacSha256::Free::operator()(evp_mac_ctx_st* context) const noexcept {
  EVP_MAC_CTX_free(context);
}

HmacSha256::HmacSha256(const Secret& key) {
  assert(!key.empty());
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  require(mac != nullptr, hmac_name);
  context_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);  // the context keeps it
  require(context_ != nullptr, hmac_name);
  std::string digest = "SHA256";
  const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
                              OSSL_PARAM_construct_end()};
  const auto bytes = key.reveal();
  require(EVP_MAC_init(context_.get(), pointer_to(bytes), bytes.size(), parameters.data()) == 1, hmac_name);
}

void HmacSha256::update(std::string_view bytes) {
  require(EVP_MAC_update(context_.get(), pointer_to(bytes), bytes.size()) == 1, hmac_name);
}

HmacSha256::Digest HmacSha256::finish() {
  Digest digest{};
  std::size_t size = 0;
  require(EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size(), hmac_name);
  return digest;
}

}  // namespace adapter::crypto
