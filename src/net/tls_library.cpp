// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/tls_library.hpp"

#include <openssl/crypto.h>
#include <openssl/x509.h>

namespace adapter::net {

std::string tls_library_version() {
  return OpenSSL_version(OPENSSL_FULL_VERSION_STRING);
}

std::string default_ca_file() {
  return X509_get_default_cert_file();
}

std::string default_ca_folder() {
  return X509_get_default_cert_dir();
}

}  // namespace adapter::net
