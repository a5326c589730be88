// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "adapter/sync/engine.hpp"

namespace adapter::app {

/// One repository's line of the progress display.
struct ProgressRow {
  std::string name;
  sync::Phase phase = sync::Phase::waiting;
  sync::SyncProgress progress;
  double bytes_per_second = 0;
};

/// "docs      fetching   [######------]  1204/2000 objects   3.1 MiB   1.2 MiB/s"; at most `width` columns. Pure.
[[nodiscard]] std::string render_row(const ProgressRow& row, std::size_t name_width, std::size_t width);

/// Draws the repositories that are at work on standard error, a terminal, five times a second, until cancelled; then
/// clears what it drew. Loop thread; `engine` outlives it.
asio::awaitable<void> show_progress(sync::Engine& engine);

}  // namespace adapter::app
