// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace adapter::test {

/// A certificate and its key. Shared, so that tests can hand it about.
struct Identity {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] std::string pem() const;  ///< of the certificate
};

/// An authority that signs what it is told.
[[nodiscard]] Identity make_authority(const std::string& name);
/// `names` as in OpenSSL's configuration: "DNS:localhost,IP:127.0.0.1". Valid from an hour ago to `valid_until`, in
/// seconds from now (negative: it has expired).
[[nodiscard]] Identity make_leaf(const Identity& authority, const std::string& names, long valid_until = 86'400);

}  // namespace adapter::test
