// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace adapter::sync {

/// Whether two texts of errors are equal but for figures: words of six letters and digits or more, among them a digit,
/// such as amounts of bytes and random names. Ids of commits are no figures.
[[nodiscard]] bool differ_in_figures_only(std::string_view one, std::string_view other);

}  // namespace adapter::sync
