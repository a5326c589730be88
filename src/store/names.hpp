// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "adapter/base/policy.hpp"

namespace adapter::store {

/// Why a tree must not hold an entry of this name: a phrase that follows the name in a sentence ("would be read as .git
/// on Windows"); empty when it may. `symlink`: git refuses a link where it would read a file of its own.
///
/// NamePolicy::git refuses what git refuses on Linux with its defaults (verify_path with core.protectNTFS, without
/// core.protectHFS):
/// "", ".", "..", "/" inside, ".git" in any case and what NTFS makes of it, after a backslash too, and links named
/// .gitmodules. NamePolicy::portable adds what macOS reads as ".git" or ".gitmodules", backslashes, control characters
/// and DEL. Length is the caller's business.
[[nodiscard]] std::string_view name_fault(std::string_view name, NamePolicy policy, bool symlink) noexcept;

/// Whether git accepts this name of a ref (git-check-ref-format, of at least two components, at most 1,024 bytes).
[[nodiscard]] bool is_valid_ref_name(std::string_view name) noexcept;

}  // namespace adapter::store
