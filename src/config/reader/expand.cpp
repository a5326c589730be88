// SPDX-License-Identifier: Apache-2.0
#include "expand.hpp"

#include "../values.hpp"
#include "adapter/base/text.hpp"

namespace adapter::config {
namespace {

constexpr std::size_t max_expanded_bytes = 64UL * 1024;

Error bad(std::string message) {
  return Error(ErrorClass::config, std::move(message));
}

/// What stands between "${" and "}".
Result<std::string> look_up(std::string_view inner, const Environment& environment) {
  const std::size_t colon = inner.find(":-");
  const std::string_view name = inner.substr(0, colon);
  if (!is_variable_name(name)) {
    return bad("${" + escape(name, 64) + "} does not name a variable; write ${NAME} or ${NAME:-default}");
  }
  std::optional<std::string> value = environment(name);
  if (colon == std::string_view::npos) {
    if (!value) {
      return bad("the variable " + std::string(name) + " is not set; set it, or write ${" + std::string(name) +
                 ":-default}");
    }
    return std::move(*value);
  }
  const std::string_view fallback = inner.substr(colon + 2);
  if (fallback.find('$') != std::string_view::npos) {
    return bad("the default of ${" + std::string(name) + "} must not hold a $");
  }
  return value && !value->empty() ? std::move(*value) : std::string(fallback);
}

}  // namespace

Result<std::string> expand(std::string_view text, const Environment& environment) {
  std::string out;
  while (true) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) {
      break;
    }
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out.push_back('$');
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (text.starts_with('{') && end == std::string_view::npos) {
      return bad("a ${ has no } behind it; write ${NAME}, or $$ for a dollar");
    }
    if (!text.starts_with('{')) {
      return bad("a single $ must begin ${NAME}; write $$ for a dollar");
    }
    Result<std::string> value = look_up(text.substr(1, end - 1), environment);
    if (!value) {
      return std::move(value.error());
    }
    out += *value;
    text.remove_prefix(end + 1);
    if (out.size() > max_expanded_bytes) {
      return bad("the value expands past 64 KiB");
    }
  }
  return out;
}

}  // namespace adapter::config
