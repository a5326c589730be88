// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adapter {

/// Makes text from outside safe to print on a terminal or in a log line: control characters, DEL, bidirectional and
/// other invisible characters, and bytes that are not UTF-8 become \xNN or \u{NNNN}; a backslash becomes \\. At most
/// `limit_bytes` of the result are kept, then "…" follows.
[[nodiscard]] std::string escape(std::string_view text, std::size_t limit_bytes = 512);

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// The candidate with the smallest edit distance to `word`, when it is near enough to be what was meant (a third of its
/// length, at least 1, at most 3 edits); else empty. The result views one of the candidates.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Splits at each `separator`; "a,,b" has three parts, "" has one, empty, part. The parts view `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Without leading and trailing spaces, tabs, CR and LF.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// ASCII only; other bytes stay.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

/// 0 to 15 for a hexadecimal digit of either case, else -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

/// RFC 4648 §4, with padding.
[[nodiscard]] std::string base64(std::string_view bytes);
/// The bytes that base64() would write as exactly this text; nothing for any other (no blanks, padding required).
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
/// Two lower-case hexadecimal digits a byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);
/// Two hexadecimal digits of either case a byte; nothing when there is anything else.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

}  // namespace adapter
