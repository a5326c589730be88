// SPDX-License-Identifier: Apache-2.0
#include "progress_view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

#include "adapter/base/units.hpp"

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

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) {
    return size.ws_col;
  }
  return 80;
}

/// Remembers what stands on the terminal and how fast each transfer was.
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
    std::string out = erase();
    const std::size_t width = terminal_width();
    for (const ProgressRow& row : rows) {
      out += render_row(row, name_width, width) + "\n";
    }
    drawn_ = rows.size();
    std::fputs(out.c_str(), stderr);
  }

  void clear() {
    std::fputs(erase().c_str(), stderr);
    drawn_ = 0;
  }

private:
  [[nodiscard]] std::string erase() const {
    return drawn_ == 0 ? std::string() : "\x1b[" + std::to_string(drawn_) + "A\x1b[J";
  }

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

  std::size_t drawn_ = 0;
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
