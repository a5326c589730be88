// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

namespace adapter {

/// "500ms", "30s", "5m", "2h", "1d", "1h30m": parts in falling order of unit, each unit once, whole numbers. At most
/// 3650 days. Errors are of class config and quote the text; `range` is what they say of the values that are allowed.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                               std::string_view range = "at most 3650d");
/// The shortest spelling that parse_duration reads back as the same value; "0s" for zero.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// "4096", "64KiB", "1.5GiB" is refused: a whole number and one of B, KiB, MiB, GiB, TiB; bytes without a unit.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
/// For people: "31.2 MiB".
[[nodiscard]] std::string format_size(std::uint64_t size_bytes);

/// "10%" → 0.10; 0 to 100, whole or with up to two decimals.
[[nodiscard]] Result<double> parse_percent(std::string_view text);

/// "2026-11-23T05:19:24.123Z", UTC.
[[nodiscard]] std::string format_timestamp(std::chrono::system_clock::time_point time);

}  // namespace adapter
