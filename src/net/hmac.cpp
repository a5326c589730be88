// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cassert>
#include <string>

#include "openssl.hpp"

namespace adapter::net {
namespace {

using Mac = std::unique_ptr<EVP_MAC, OpensslDeleter<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, OpensslDeleter<EVP_MAC_CTX_free>>;

void require(bool done) {
  if (!done) {
    throw Error(ErrorClass::config, "this OpenSSL does not compute HMAC-SHA-256: " + take_openssl_reason());
  }
}

// A view without memory has no pointer, which OpenSSL takes for "no key given".
const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.empty() ? "" : text.data());
}

}  // namespace

struct HmacSha256::Context {
  MacContext handle;
};

HmacSha256::HmacSha256(const Secret& key) : context_(std::make_unique<Context>()) {
  assert(!key.empty());
  const Mac mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  require(mac != nullptr);
  context_->handle.reset(EVP_MAC_CTX_new(mac.get()));
  require(context_->handle != nullptr);
  std::string digest = "SHA256";
  const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
                              OSSL_PARAM_construct_end()};
  const auto bytes = key.reveal();
  require(EVP_MAC_init(context_->handle.get(), bytes_of(bytes), bytes.size(), parameters.data()) == 1);
}

HmacSha256::HmacSha256(HmacSha256&& other) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&& other) noexcept = default;
HmacSha256::~HmacSha256() = default;

void HmacSha256::update(std::string_view bytes) {
  require(EVP_MAC_update(context_->handle.get(), bytes_of(bytes), bytes.size()) == 1);
}

HmacSha256::Digest HmacSha256::finish() {
  Digest digest{};
  std::size_t size = 0;
  require(EVP_MAC_final(context_->handle.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
  return digest;
}

}  // namespace adapter::net
