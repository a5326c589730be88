// SPDX-License-Identifier: Apache-2.0
#include "secret_oddity.hpp"

#include <algorithm>
#include <optional>

#include "adapter/base/text.hpp"

namespace adapter::auth {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_visible(char c) {
  return c > ' ' && c < 0x7F;
}

bool is_in_quotes(std::string_view text) {
  return text.size() > 1 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
}

/// NAME=value, as in an env file; not the padding of base64.
bool is_assignment(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || is_digit(text.front())) {
    return false;
  }
  const std::string_view name = text.substr(0, equals);
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  return std::all_of(name.begin(), name.end(), allowed) &&
         text.find_first_not_of('=', equals) != std::string_view::npos;
}

/// user:password, with a user name of the usual letters.
bool is_pair(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return false;
  }
  const std::string_view user = text.substr(0, colon);
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("._-@+").find(c) != std::string_view::npos;
  };
  return std::all_of(user.begin(), user.end(), allowed);
}

bool is_encoded_pair(std::string_view text) {
  constexpr std::size_t shortest = 8;
  const std::optional<std::string> decoded = text.size() < shortest ? std::nullopt : from_base64(text);
  return decoded && is_pair(*decoded) && std::all_of(decoded->begin(), decoded->end(), is_visible);
}

bool names_a_scheme(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::string word = to_lower(text.substr(0, blank));
  return blank != std::string_view::npos && (word == "basic" || word == "bearer" || word == "token");
}

}  // namespace

std::string describe_oddity(std::string_view secret) {
  if (secret.empty()) {
    return {};
  }
  if (is_blank(secret.front()) || is_blank(secret.back())) {
    return "begins or ends with a blank";
  }
  if (is_in_quotes(secret)) {
    return "is in quotes, which are part of it";
  }
  if (names_a_scheme(secret)) {
    return "begins with the name of a scheme (basic, bearer, token), which is added anyway; write the secret alone";
  }
  if (secret.starts_with("https://") || secret.starts_with("http://")) {
    return "looks like a URL; write the secret alone";
  }
  if (is_assignment(secret)) {
    return "looks like NAME=value; write the value alone";
  }
  if (is_encoded_pair(secret)) {
    return "looks like the base64 of user:password; write the password alone, not encoded";
  }
  if (is_pair(secret)) {
    return "looks like user:password; write the password alone, and the user name as username";
  }
  return {};
}

}  // namespace adapter::auth
