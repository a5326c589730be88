// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace adapter {

/// Which symbolic links of a commit are written into a published tree.
enum class SymlinkPolicy : std::uint8_t {
  inside,  ///< those that, resolved as the kernel would through the tree's other links, stay in the tree; the rest is
           ///< left out
  keep,    ///< all
  refuse,  ///< none: a commit that has one is not published
};

/// Which names a commit may hold.
enum class NamePolicy : std::uint8_t {
  portable,  ///< nothing that any system would read as ".git", no backslash, no control characters
  git,       ///< refuses only what git itself refuses
};

/// Who may read a published tree.
enum class Share : std::uint8_t {
  all,    ///< files 0644 or 0755, folders 0755
  group,  ///< files 0640 or 0750, folders 0750
};

}  // namespace adapter
