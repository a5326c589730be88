// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/tls_library.hpp"

#include <openssl/crypto.h>

namespace adapter::net {

std::string tls_library_version() {
  return OpenSSL_version(OPENSSL_FULL_VERSION_STRING);
}

}  // namespace adapter::net
