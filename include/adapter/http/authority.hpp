// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace adapter::http {

/// The host of "host", "host:port", "[::1]" or "[::1]:port", without brackets. Checks nothing. A view of `authority`.
[[nodiscard]] constexpr std::string_view host_in(std::string_view authority) noexcept {
  const std::size_t bracket = authority.rfind(']');
  if (authority.starts_with('[') && bracket != std::string_view::npos) {
    return authority.substr(1, bracket - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

}  // namespace adapter::http
