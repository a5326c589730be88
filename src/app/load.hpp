// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "adapter/config/load.hpp"
#include "options.hpp"

namespace adapter::app {

/// The configuration that counts, wherever it comes from. None at all is an error finding here; `run` asks
/// config::choose() itself, because it waits for one.
[[nodiscard]] config::Loaded load_configuration(const Options& options);
[[nodiscard]] config::Loaded load_choice(const config::Choice& choice);
/// The same with warnings about the files that the configuration names, for a person who checks it.
[[nodiscard]] config::Loaded examine_configuration(const Options& options);
/// As with `--config FILE`: ADAPTER_URL beside it is an error.
[[nodiscard]] config::Loaded examine_file(const std::filesystem::path& file);

/// Each finding as a line on standard error.
void print_findings(const std::vector<config::Finding>& findings);

}  // namespace adapter::app
