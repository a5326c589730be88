// SPDX-License-Identifier: Apache-2.0
#include "process/bus_error.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <string_view>

namespace adapter::app {
namespace {

constexpr int line_limit_ms = 500;
constexpr std::string_view bus_error_text =
    "SIGBUS: the volume did not deliver a page of a mapped file, or the file became shorter; see whether the volume is "
    "sound (dmesg)";

std::atomic<bool> writes_json{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// A line that is put together without memory from the heap.
class Line {
public:
  void add(std::string_view text) noexcept {
    const std::size_t count = std::min(text.size(), bytes_.size() - size_);
    std::copy_n(text.begin(), count, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += count;
  }
  void add(unsigned number, int digits) noexcept {
    std::array<char, 10> text{};
    for (int at = digits - 1; at >= 0; --at, number /= 10) {
      text.at(static_cast<std::size_t>(at)) = static_cast<char>('0' + number % 10);
    }
    add({text.data(), static_cast<std::size_t>(digits)});
  }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }

private:
  std::array<char, 1024> bytes_{};
  std::size_t size_ = 0;
};

void add_time(Line& line) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto days = static_cast<int>(now.tv_sec / 86'400);
  const auto seconds = static_cast<unsigned>(now.tv_sec % 86'400);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  line.add(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  line.add("-");
  line.add(static_cast<unsigned>(date.month()), 2);
  line.add("-");
  line.add(static_cast<unsigned>(date.day()), 2);
  line.add("T");
  line.add(seconds / 3600, 2);
  line.add(":");
  line.add(seconds / 60 % 60, 2);
  line.add(":");
  line.add(seconds % 60, 2);
  line.add(".");
  line.add(static_cast<unsigned>(now.tv_nsec / 1'000'000), 3);
  line.add("Z");
}

/// The handler is reset when it is called: the signal that is raised here ends the process when it returns.
void on_bus_error(int signal) noexcept {
  Line line;
  const bool json = writes_json.load();
  line.add(json ? "{\"time\":\"" : "");
  add_time(line);
  line.add(json ? R"(","level":"error","event":"crashed","message":")" : " error   ");
  line.add(bus_error_text);
  line.add(json ? "\"}\n" : " event=crashed\n");
  pollfd reader{STDERR_FILENO, POLLOUT, 0};
  if (poll(&reader, 1, line_limit_ms) == 1) {
    static_cast<void>(!write(STDERR_FILENO, line.text().data(), line.text().size()));
  }
  raise(signal);
}

}  // namespace

void log_bus_errors(log::Format format) noexcept {
  writes_json = format == log::Format::json;
  struct sigaction action{};
  action.sa_handler = on_bus_error;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace adapter::app
