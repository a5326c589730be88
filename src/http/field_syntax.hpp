// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include "adapter/base/text.hpp"
#include "adapter/http/message.hpp"

/// The characters of header fields (RFC 9110 §5), for requests and responses alike.
namespace adapter::http {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// tchar of RFC 9110 §5.6.2.
constexpr bool is_token_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

/// field-vchar, obs-text, space and tab: all but control characters.
constexpr bool is_text_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

inline bool is_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), is_text_char);
}

inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

/// Without leading and trailing spaces and tabs.
inline std::string_view trim_blanks(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Whether a comma-separated field holds the word, in any of its lines and any case.
inline bool lists(const Fields& fields, std::string_view name, std::string_view word) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [key, value] = fields.at(i);
    if (!equal_ignoring_case(key, name)) {
      continue;
    }
    for (const auto item : split(value, ',')) {
      if (equal_ignoring_case(trim_blanks(item), word)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace adapter::http
