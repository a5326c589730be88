// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "adapter/base/error.hpp"

namespace adapter::net {

/// The TLS library that runs here, for `adapter info`: "3.0.17".
[[nodiscard]] std::string tls_library_version();

/// Where that library was built to look for CA certificates, a file and a folder; the environment may say otherwise.
[[nodiscard]] std::string default_ca_file();
[[nodiscard]] std::string default_ca_folder();

/// Why connections could not be verified against this file: no certificate in it, a damaged one; class tls. Blocking.
[[nodiscard]] std::optional<Error> check_ca_file(const std::filesystem::path& file);

}  // namespace adapter::net
