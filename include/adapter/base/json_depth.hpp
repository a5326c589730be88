// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace adapter {

/// Nested lists and objects that JSON of a volume, a peer or a client may have. The library's parser takes any number,
/// but copying a value takes a stack frame for each level: 12 KB of brackets end a thread with 1 MiB of stack.
inline constexpr std::size_t max_json_depth = 64;

/// Whether `text` is nested at most max_json_depth deep. Looks at brackets outside of strings only: whether it is JSON
/// at all is for the parser to say. No errors. Any thread.
[[nodiscard]] bool is_shallow_json(std::string_view text) noexcept;

}  // namespace adapter
