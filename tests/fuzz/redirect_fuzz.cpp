// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapter/http/redirect.hpp"

// Input: a URL, LF, a Location. Wherever the Location leads, it is the same origin.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  if (line == std::string_view::npos) {
    return 0;
  }
  const auto from = adapter::http::Url::parse(text.substr(0, line));
  if (!from) {
    return 0;
  }
  const auto target = adapter::http::redirect_target(*from, text.substr(line + 1), 0);
  if (!target) {
    return 0;
  }
  const auto again = adapter::http::Url::parse(target->to_string());
  if (target->origin() != from->origin() || !again || *again != *target) {
    std::abort();
  }
  const auto base = adapter::http::base_after_redirect(*target);
  if (base && (base->origin() != from->origin() || !base->query().empty())) {
    std::abort();
  }
  return 0;
}
