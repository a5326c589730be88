// SPDX-License-Identifier: Apache-2.0
#include "adapter/crypto/digest.hpp"

#include <openssl/evp.h>

#include "require.hpp"

namespace adapter::crypto {
namespace {

template <std::size_t Bytes>
constexpr std::string_view name_of = Bytes == 20 ? "SHA-1" : "SHA-256";

}  // namespace

template <std::size_t Bytes>
void Hash<Bytes>::Free::operator()(evp_md_ctx_st* context) const noexcept {
  EVP_MD_CTX_free(context);
}

template <std::size_t Bytes>
Hash<Bytes>::Hash() : context_(EVP_MD_CTX_new()) {
  const EVP_MD* const algorithm = Bytes == 20 ? EVP_sha1() : EVP_sha256();
  require(context_ && EVP_DigestInit_ex(context_.get(), algorithm, nullptr) == 1, name_of<Bytes>);
}

template <std::size_t Bytes>
void Hash<Bytes>::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, name_of<Bytes>);
}

template <std::size_t Bytes>
Digest<Bytes> Hash<Bytes>::finish() {
  Digest<Bytes> digest{};
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1, name_of<Bytes>);
  return digest;
}

template class Hash<20>;
template class Hash<32>;

}  // namespace adapter::crypto
