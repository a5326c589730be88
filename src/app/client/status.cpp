// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/log/output.hpp"
#include "client/admin_client.hpp"
#include "client/status_view.hpp"
#include "commands.hpp"
#include "process/process.hpp"

namespace adapter::app {
namespace {

constexpr std::chrono::seconds status_patience{30};
constexpr std::chrono::seconds redraw_every{2};
/// At a standard output that takes nothing.
constexpr std::chrono::milliseconds look_again{50};
/// Of a terminal: the table's head, the summary, and the line that the cursor waits in.
constexpr std::size_t lines_beside_rows = 3;
constexpr std::size_t least_rows = 3;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
  return value != nullptr ? value : "";
}

/// Standard output as a place for a table that is shown again and again.
class Screen {
public:
  Screen() : is_terminal_(isatty(STDOUT_FILENO) == 1) {}

  /// Asked anew each time: windows change their size.
  [[nodiscard]] View view(bool watching) const {
    View view;
    if (!is_terminal_) {
      return view;
    }
    view.colours = variable("NO_COLOR").empty() && variable("TERM") != "dumb";
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    view.width = known && size.ws_col > 20 ? size.ws_col : 80;
    if (watching && known && size.ws_row != 0) {
      view.rows = std::max<std::size_t>(size.ws_row, lines_beside_rows + least_rows) - lines_beside_rows;
    }
    return view;
  }

  /// What to print so that `text` is in the place of what was shown before; where nothing can be taken back, under it
  /// after an empty line.
  [[nodiscard]] std::string frame(const std::string& text) {
    std::string out;
    if (is_terminal_ && lines_ != 0) {
      out = "\x1b[" + std::to_string(lines_) + "A\r\x1b[J";
    } else if (shown_ && !is_terminal_) {
      out = "\n";
    }
    lines_ = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    shown_ = true;
    return out + text;
  }

private:
  bool is_terminal_;
  bool shown_ = false;
  std::size_t lines_ = 0;
};

/// What to print, and whether it is what was asked for. Ends with a line feed.
struct Shown {
  std::string text;
  bool good = false;
};

Shown shown_of(const AdminClient& client, const AdminAnswer& answer, bool json, const View& view) {
  if (answer.status != 200) {
    return {client.problem(answer) + "\n", false};
  }
  const Result<StatusList> list = read_status(answer.body);
  if (!list) {
    return {list.error().text() + "\n", false};
  }
  return {json ? answer.body : render_status(*list, view), true};
}

asio::awaitable<AdminAnswer> ask(AdminClient& client) {
  return client.ask("GET", "api/v1/repositories", "");
}

asio::awaitable<int> show_once(AdminClient& client, bool json) {
  const AdminAnswer answer = co_await ask(client);
  const Screen screen;
  const Shown shown = shown_of(client, answer, json, screen.view(false));
  if (!shown.good) {
    std::fprintf(stderr, "adapter: %s", shown.text.c_str());
    co_return exit_failed;
  }
  const bool printed = std::fputs(shown.text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  co_return printed ? exit_ok : exit_failed;
}

/// On standard output, without blocking the loop when its reader is slow: signals go on being obeyed. False when there
/// is no reader any more.
asio::awaitable<bool> print_when_ready(asio::steady_timer& timer, std::string_view text) {
  while (!text.empty()) {
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    if (poll(&output, 1, 0) == 0) {
      timer.expires_after(look_again);
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    // A pipe that is writable takes this much without blocking.
    const ssize_t count = write(STDOUT_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      co_return false;
    }
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  co_return true;
}

/// Whatever happens to the daemon is something to show.
asio::awaitable<Shown> look(AdminClient& client, bool json, View view) {
  Shown shown;
  try {
    const AdminAnswer answer = co_await ask(client);
    shown = shown_of(client, answer, json, view);
  } catch (const Error& error) {
    shown.text = error.text() + "\n";
  }
  co_return shown;
}

/// Until it is cancelled or nobody reads what it shows.
asio::awaitable<int> watch(AdminClient& client, bool json) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  Screen screen;
  bool printed = true;
  while (printed) {
    const View view = screen.view(true);
    const Shown shown = co_await look(client, json, view);
    if (json && !shown.good) {
      log::print("adapter: " + shown.text);
    } else {
      const std::string out = json ? shown.text : screen.frame(shown.text);
      printed = co_await print_when_ready(timer, out);
    }
    timer.expires_after(redraw_every);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return exit_failed;
}

}  // namespace

int status_command(const Options& options) {
  configure_logging(options, nullptr);
  Result<AdminTarget> target = find_admin(options, config::process_environment(), TokenUse::wanted);
  if (!target) {
    std::fprintf(stderr, "adapter: %s\n", target.error().text().c_str());
    return exit_usage;
  }
  const AdminWork work = [&options](AdminClient& client) {
    return options.watch ? watch(client, options.json) : show_once(client, options.json);
  };
  return run_client(std::move(*target), status_patience, work, options.watch);
}

}  // namespace adapter::app
