// SPDX-License-Identifier: Apache-2.0
#include "progress_view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <map>

#include "adapter/base/units.hpp"
#include "adapter/log/output.hpp"

namespace adapter::app {
namespace {

constexpr std::chrono::milliseconds redraw_every{200};
constexpr std::size_t bar_width = 24;
constexpr std::size_t most_rows = 16;

std::string bar(const sync::SyncProgress& progress) {
  const std::size_t filled = progress.total_objects == 0
                                 ? 0
                                 : std::min<std::size_t>(bar_width, std::size_t{progress.received_objects} * bar_width /
                                                                        progress.total_objects);
  return "[" + std::string(filled, '#') + std::string(bar_width - filled, '-') + "]";
}

bool at_work(sync::Phase phase) {
  return phase != sync::Phase::waiting && phase != sync::Phase::stopped && phase != sync::Phase::suspended;
}

struct TerminalSize {
  std::size_t width = 80;
  std::size_t height = 24;
};

TerminalSize terminal_size() {
  TerminalSize result;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
    result.width = size.ws_col > 20 ? size.ws_col : result.width;
    result.height = size.ws_row > 0 ? size.ws_row : result.height;
  }
  return result;
}

std::string at_row(std::size_t row) {
  return "\x1b[" + std::to_string(row) + ";1H";
}

// The cursor is saved before and restored behind: the next log line goes on where the last one ended.
constexpr std::string_view save_cursor =
    "\x1b"
    "7";
constexpr std::string_view restore_cursor =
    "\x1b"
    "8";

/// Remembers how fast each transfer was.
class Display {
public:
  void draw(const sync::Engine& engine) {
    std::vector<ProgressRow> rows;
    std::size_t name_width = 4;
    for (const sync::RepositoryStatus& status : engine.status()) {
      if (at_work(status.phase) && rows.size() < most_rows) {
        rows.push_back(row(status, engine.progress(status.name).value_or(sync::SyncProgress())));
        name_width = std::max(name_width, status.name.size());
      }
    }
    const TerminalSize size = terminal_size();
    std::vector<std::string> lines;
    lines.reserve(rows.size());
    for (const ProgressRow& row : rows) {
      lines.push_back(render_row(row, name_width, size.width));
    }
    log::print(bottom_.show(lines, size.height));
  }

  void clear() { log::print(bottom_.clear()); }

private:
  ProgressRow row(const sync::RepositoryStatus& status, const sync::SyncProgress& progress) {
    ProgressRow row;
    row.name = status.name;
    row.phase = status.phase;
    row.progress = progress;
    std::uint64_t& before = received_before_[status.name];
    const double seconds = std::chrono::duration<double>(redraw_every).count();
    const double latest =
        static_cast<double>(progress.received_bytes - std::min(before, progress.received_bytes)) / seconds;
    double& rate = rate_[status.name];
    rate = 0.7 * rate + 0.3 * latest;  // smoothed, so that the figure can be read
    row.bytes_per_second = rate;
    before = progress.received_bytes;
    return row;
  }

  BottomRows bottom_;
  std::map<std::string, std::uint64_t> received_before_;
  std::map<std::string, double> rate_;
};

}  // namespace

std::string render_row(const ProgressRow& row, std::size_t name_width, std::size_t width) {
  const std::string_view phase = to_string(row.phase);
  std::string line = row.name;
  line.append(name_width > row.name.size() ? name_width - row.name.size() : 0, ' ');
  line += "  ";
  line += phase;
  line.append(phase.size() < 11 ? 11 - phase.size() : 0, ' ');
  if (row.progress.received_bytes != 0) {
    line += " " + bar(row.progress);
    line += "  " + std::to_string(row.progress.received_objects) + "/" + std::to_string(row.progress.total_objects) +
            " objects";
    line += "  " + format_size(row.progress.received_bytes);
    if (row.phase == sync::Phase::fetching) {
      line += "  " + format_size(static_cast<std::uint64_t>(row.bytes_per_second)) + "/s";
    }
  }
  if (line.size() > width) {
    line.resize(width);
  }
  return line;
}

std::string BottomRows::show(const std::vector<std::string>& rows, std::size_t height) {
  constexpr std::size_t lowest_terminal = 4;
  std::string out;
  if (height != height_) {
    out += clear();
    height_ = height;
  }
  const std::size_t shown = height < lowest_terminal ? 0 : std::min(rows.size(), height / 2);
  if (shown > reserved_) {
    const std::size_t more = shown - reserved_;
    out.append(more, '\n');  // what stands in the rows to come moves up
    out += "\x1b[" + std::to_string(more) + "A";
    out += save_cursor;  // setting the region moves it
    out += "\x1b[1;" + std::to_string(height - shown) + "r";
    out += restore_cursor;
    reserved_ = shown;
  }
  if (reserved_ == 0) {
    return out;
  }
  out += save_cursor;
  for (std::size_t i = 0; i < reserved_; ++i) {
    out += at_row(height_ - reserved_ + 1 + i) + "\x1b[2K" + (i < shown ? rows[i] : "");
  }
  out += restore_cursor;
  return out;
}

std::string BottomRows::clear() {
  if (reserved_ == 0) {
    return {};
  }
  std::string out(save_cursor);
  out += "\x1b[r" + at_row(height_ - reserved_ + 1) + "\x1b[J";
  out += restore_cursor;
  reserved_ = 0;
  return out;
}

asio::awaitable<void> show_progress(sync::Engine& engine) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  Display display;
  std::error_code stopped;
  while (!stopped) {
    display.draw(engine);
    timer.expires_after(redraw_every);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
  }
  display.clear();
}

}  // namespace adapter::app
