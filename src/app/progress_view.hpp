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

/// Rows at the bottom of a terminal that what is written meanwhile does not touch: everything above them is made a
/// scrolling region (DECSTBM), so that log lines of any thread scroll there. Answers control sequences; writes nothing.
class BottomRows {
public:
  /// Shows `rows`, as far as half of a terminal of `height` rows goes; none on one of fewer than four. More rows push
  /// what stands there up, fewer leave blank ones.
  [[nodiscard]] std::string show(const std::vector<std::string>& rows, std::size_t height);
  /// Blanks the rows and gives the whole terminal back.
  [[nodiscard]] std::string clear();

private:
  std::size_t reserved_ = 0;
  std::size_t height_ = 0;
};

/// Draws the repositories that are at work in the bottom rows of standard error, a terminal, five times a second, until
/// cancelled; then clears what it drew. Loop thread; `engine` outlives it.
asio::awaitable<void> show_progress(sync::Engine& engine);

}  // namespace adapter::app
