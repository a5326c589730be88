// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "adapter/base/file.hpp"
#include "adapter/base/remove_tree.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::publish {

/// What stays of one repository's old trees because the kernel does not let the adapter remove it, another user's
/// `__pycache__` for one: data_dir/.adapter/.residue/<repository>, 0700. Blocking. For one thread at a time.
class Residue {
public:
  /// For what pruned repositories left.
  static constexpr const char* pruned = ".pruned";

  Residue(std::filesystem::path data_dir, std::string repository);

  struct Removed {
    Leftovers left;  ///< with an absolute path
    /// It is where it was: its own directory is another user's too, or another process holds a lock on it.
    bool stays = false;
  };
  /// Removes `name` from `folder` (`where` below data_dir) as far as it goes, unless another removal is at it already,
  /// and moves the rest here when the kernel allows that. Errors: those of remove_what_may_go_at.
  Removed remove(int folder, const std::filesystem::path& where, const std::string& name,
                 const std::function<bool()>& give_up) const;

  /// Tries again to remove what is here, which takes as long as a walk through all of it. Returns what stays, with an
  /// absolute path.
  Leftovers retry(const std::function<bool()>& give_up) const;

  /// Leaves what is here to the residue of pruned repositories. Quick.
  void hand_over() const;

private:
  [[nodiscard]] UniqueFd open_own(bool make) const;

  std::filesystem::path data_dir_;
  std::string repository_;
};

/// Warns of what stays: where, whose it is, and what to do. `repository` is empty for one that was pruned.
void log_residue(const std::string& repository, const Leftovers& left);
/// Adds what stays to `known`; warns of the first.
void note_residue(const std::string& repository, const Leftovers& left, KnownResidue& known);

}  // namespace adapter::publish
