// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_figures.hpp"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

constexpr std::uint64_t max_stat_bytes = 4096;

// Places in /proc/self/stat behind the name, which may hold spaces and parentheses: man 5 proc counts them from 3.
constexpr std::size_t user_ticks_at = 14 - 3;
constexpr std::size_t system_ticks_at = 15 - 3;
constexpr std::size_t start_ticks_at = 22 - 3;
constexpr std::size_t virtual_bytes_at = 23 - 3;
constexpr std::size_t resident_pages_at = 24 - 3;

struct Stat {
  std::string text;
  std::vector<std::string_view> fields;

  Stat() {
    try {
      text = read_file("/proc/self/stat", max_stat_bytes);
    } catch (const Error&) {
      return;  // no /proc, or no descriptor left
    }
    const std::size_t name_end = text.rfind(") ");
    if (name_end != std::string::npos) {
      fields = split(std::string_view(text).substr(name_end + 2), ' ');
    }
  }

  [[nodiscard]] std::optional<std::uint64_t> number(std::size_t place) const {
    std::uint64_t value = 0;
    if (place >= fields.size()) {
      return std::nullopt;
    }
    const std::string_view field = fields[place];
    const auto result = std::from_chars(field.data(), field.data() + field.size(), value);
    return result.ec == std::errc() ? std::optional(value) : std::nullopt;
  }
};

double ticks_per_second() {
  return static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// From the time since boot: the wall clock may have been set since.
std::optional<double> start_of_process(const Stat& stat) {
  const auto ticks = stat.number(start_ticks_at);
  timespec since_boot{};
  if (!ticks || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
    return std::nullopt;
  }
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double up = static_cast<double>(since_boot.tv_sec) + static_cast<double>(since_boot.tv_nsec) / 1e9;
  return now - up + static_cast<double>(*ticks) / ticks_per_second();
}

std::optional<std::uint64_t> count_open_fds() {
  std::uint64_t count = 0;
  std::error_code failure;
  std::filesystem::directory_iterator item("/proc/self/fd", failure);
  for (; !failure && item != std::filesystem::directory_iterator(); item.increment(failure)) {
    ++count;
  }
  return failure || count == 0 ? std::nullopt : std::optional(count - 1);  // less the one that looks
}

}  // namespace

ProcessFigures ProcessFigures::read() {
  const Stat stat;
  static const std::optional<double> started = start_of_process(stat);
  ProcessFigures figures;
  figures.start_seconds = started;
  const auto user = stat.number(user_ticks_at);
  const auto system = stat.number(system_ticks_at);
  if (user && system) {
    figures.cpu_seconds = static_cast<double>(*user + *system) / ticks_per_second();
  }
  figures.virtual_bytes = stat.number(virtual_bytes_at);
  if (const auto pages = stat.number(resident_pages_at)) {
    figures.resident_bytes = *pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  figures.open_fds = count_open_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    figures.max_fds = limit.rlim_cur;
  }
  return figures;
}

}  // namespace adapter::admin
