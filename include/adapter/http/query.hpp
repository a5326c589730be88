// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace adapter::http {

/// With each %XX decoded; nothing when a % is not followed by two hexadecimal digits. The result may hold any byte.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

/// The value of the first parameter called `name` in a URL's query or a body of application/x-www-form-urlencoded, with
/// %XX and "+" decoded (WHATWG URL §5.1): "a=1&b=x%20y" has b = "x y"; "wait" and "wait=" have an empty value. Nothing
/// when there is none, or when its name or value holds a % without two hexadecimal digits. The result may hold any
/// byte.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace adapter::http
