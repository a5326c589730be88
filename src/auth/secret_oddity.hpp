// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace adapter::auth {

/// What about a secret looks like a mistake of its author, without any of its bytes, as the end of a sentence whose
/// subject is the file: "begins or ends with a blank"; empty when nothing does. Pure.
[[nodiscard]] std::string describe_oddity(std::string_view secret);

}  // namespace adapter::auth
