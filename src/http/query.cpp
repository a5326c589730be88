// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/query.hpp"

#include "adapter/base/text.hpp"

namespace adapter::http {
namespace {

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded.push_back(plus_is_space && text[at] == '+' ? ' ' : text[at]);
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    decoded.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return decoded;
}

std::optional<std::string> decode_form(std::string_view text) {
  return decode(text, true);
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  return decode(text, false);
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (true) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (decode_form(pair.substr(0, equals)) == name && !pair.empty()) {
      return decode_form(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    }
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    query.remove_prefix(end + 1);
  }
}

}  // namespace adapter::http
