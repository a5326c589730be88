// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/config/load.hpp"

namespace adapter::config {

/// Expands ${NAME}, ${NAME:-default} and $$ in one scalar. What is put in is text and is not read again, neither as
/// YAML nor for further variables; a default may hold neither "}" nor "$". At most 64 KiB come out. Errors are of class
/// config and name the variable, never a value.
[[nodiscard]] Result<std::string> expand(std::string_view text, const Environment& environment);

}  // namespace adapter::config
