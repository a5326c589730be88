// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace adapter::net {

/// The TLS library that runs here, for `adapter info`: "3.0.17".
[[nodiscard]] std::string tls_library_version();

}  // namespace adapter::net
