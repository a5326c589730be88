// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

namespace adapter::publish {

inline constexpr std::string_view link_verb = "make link";

/// An entry of the tree that could not be made.
struct Unmade {
  int folder = -1;                           ///< the open folder it belongs in
  std::string_view path;                     ///< of that folder, in the tree
  std::string_view name;                     ///< of the entry
  std::string_view verb;                     ///< "write", "make folder", link_verb
  std::span<const std::string_view> others;  ///< entries of this folder that were made before
};

/// The error for an entry whose openat, mkdirat or symlinkat failed with `error_number`.
///
/// Policy, where the volume cannot hold it, so that another try ends the same way: the name has characters or a length
/// that the volume does not take, it is the same as another name of this folder there (a volume that ignores case), it
/// is a symbolic link and the volume has none, or a folder has too many folders. Storage for all else, an entry that
/// somebody else made meanwhile included.
[[nodiscard]] Error unmade_error(int error_number, const Unmade& entry);

}  // namespace adapter::publish
