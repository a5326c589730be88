// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "adapter/config/config.hpp"
#include "reader/fields.hpp"

namespace adapter::config {

/// The keys at the top of the main file but `defaults`, `credentials`, `repositories`, `include` and `ca_file`, with
/// the defaults that ADAPTER_DATA_DIR and ADAPTER_ADMIN_LISTEN give. `top` is null for an empty file.
void read_settings_of_program(Context& context, const Fields* top, Config& config);

}  // namespace adapter::config
