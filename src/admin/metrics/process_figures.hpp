// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace adapter::admin {

/// What the kernel says about this process. Nothing where it does not say.
struct ProcessFigures {
  std::optional<double> cpu_seconds;  ///< user and system
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;  ///< nothing: no limit
  std::optional<double> start_seconds;   ///< since 1970; the same in each reading

  /// Reads /proc/self. Any thread; some system calls, none of which waits.
  [[nodiscard]] static ProcessFigures read();
};

}  // namespace adapter::admin
