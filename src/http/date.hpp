// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace adapter::http {

/// An HTTP date in any of its three forms (RFC 9110 §5.6.7); nothing when it is none of them. `now` places the
/// two-digit year of the RFC 850 form: one that seems more than 50 years ahead lies in the past.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                 std::chrono::system_clock::time_point now) noexcept;

}  // namespace adapter::http
