// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "yaml.hpp"

namespace adapter::config {

/// What can be read of one key at the top of a text that is not valid YAML, as a document whose root may hold more keys
/// or be null: the lines of the key's block, wherever else the fault is; else all that stands before the fault. Pure.
[[nodiscard]] Document rescue(const Document& broken, std::string_view key);

}  // namespace adapter::config
