// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "adapter/base/file.hpp"
#include "adapter/base/remove_tree.hpp"

namespace adapter::publish {

/// What stays of one repository's old trees because the kernel does not let the adapter remove it, another user's
/// `__pycache__` for one: data_dir/.adapter/.residue/<repository>, 0700. Blocking. For one thread at a time.
class Residue {
public:
  /// For what pruned repositories left.
  static constexpr const char* pruned = ".pruned";

  Residue(std::filesystem::path data_dir, std::string repository);

  /// Removes `name` from `folder` (`where` below data_dir) as far as it goes, unless another removal is at it already,
  /// and moves the rest here when the kernel allows that. Returns what stays where it was, with an absolute path.
  /// Errors: those of remove_what_may_go_at.
  Leftovers remove(int folder, const std::filesystem::path& where, const std::string& name,
                   const std::function<bool()>& give_up) const;

  /// Tries again to remove what is here; returns what stays, with an absolute path.
  Leftovers retry(const std::function<bool()>& give_up) const;

private:
  [[nodiscard]] UniqueFd open_own(bool make) const;

  std::filesystem::path data_dir_;
  std::string repository_;
};

/// Warns of what stays: where, whose it is, and what to do. `repository` is empty for one that was pruned.
void log_residue(const std::string& repository, const Leftovers& left);

}  // namespace adapter::publish
