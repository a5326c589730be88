// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace adapter::crypto {

/// What a hash or a MAC gives. Where it proves who sent something, compare it with constant_time_equal() only.
template <std::size_t Bytes>
using Digest = std::array<std::uint8_t, Bytes>;

/// The bytes of `digest`, which outlives the view.
template <std::size_t Bytes>
[[nodiscard]] std::string_view bytes_of(const Digest<Bytes>& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// A hash of FIPS 180-4 over bytes as they arrive. Movable; not synchronised; any thread. Each function throws an Error
/// of class config when this OpenSSL does not offer the hash.
template <std::size_t Bytes>
class Hash {
public:
  Hash();

  void update(std::string_view bytes);
  /// The digest of all bytes given; no other call may follow.
  [[nodiscard]] Digest<Bytes> finish();

private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// For checksums of files that the adapter wrote itself. Not for objects of a remote: libgit2 hashes those, with a
/// SHA-1 that detects the known collision attacks.
using Sha1 = Hash<20>;
using Sha256 = Hash<32>;

}  // namespace adapter::crypto
