// SPDX-License-Identifier: Apache-2.0
#include "require.hpp"

#include <openssl/err.h>

#include <string>

#include "adapter/base/error.hpp"

namespace adapter::crypto {

void require(bool done, std::string_view algorithm) {
  if (done) {
    return;
  }
  const char* const reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  throw Error(ErrorClass::config, "this OpenSSL does not compute " + std::string(algorithm) + ": " +
                                      (reason != nullptr ? reason : "no reason given"));
}

}  // namespace adapter::crypto
