// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "adapter/wire/protocol_v2.hpp"

namespace adapter::wire {
namespace {

// git-check-ref-format(1), rules 4, 5 and 10.
constexpr bool is_refused_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || std::string_view(" ~^:?*[\\").find(c) != std::string_view::npos;
}

}  // namespace

bool is_valid_ref_name(std::string_view name) noexcept {
  if (name == "HEAD") {
    return true;
  }
  if (name.find('/') == std::string_view::npos || name.ends_with('.') || name.find("..") != std::string_view::npos ||
      name.find("@{") != std::string_view::npos || std::any_of(name.begin(), name.end(), is_refused_char)) {
    return false;
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto component = name.substr(begin, end - begin);
    if (component.empty() || component.starts_with('.') || component.ends_with(".lock")) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace adapter::wire
