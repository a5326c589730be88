// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "adapter/base/file.hpp"
#include "adapter/base/remove_tree.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::publish {

/// What stays of one repository's old trees because the kernel does not let the adapter remove it, another user's
/// `__pycache__` for one: data_dir/.adapter/.residue/<repository>, 0700. Blocking. For one thread at a time, among all
/// objects of that repository: no lock on the volume says so, because a consumer may hold one on whatever it reads.
class Residue {
public:
  /// `repository` may be volume::retired_repositories.
  Residue(std::filesystem::path data_dir, std::string repository);

  /// Removes all names of `folder` (`where` below data_dir) that begin with volume::trash_prefix, but those that
  /// `known` says are stuck, as far as it goes. The rest moves here when the kernel allows that; what stays is stuck.
  /// Both are added to `known`, and the first one is logged. Before that it makes the names of `folder` and, with
  /// `also`, of another one durable: else a power cut could give a tree back its name when it is half deleted. Goes on
  /// past a failure, which it throws at the end.
  Leftovers remove_gone(int folder, const std::filesystem::path& where, KnownResidue& known,
                        const std::function<bool()>& give_up, int also = -1) const;

  /// Tries again to remove what is here, which takes as long as a walk through all of it. Returns what stays, with an
  /// absolute path.
  Leftovers retry(const std::function<bool()>& give_up) const;

  /// Leaves what is here to the residue of pruned repositories. Quick.
  void hand_over() const;

  /// Adds what stays to `known`; warns of the first.
  void note(const Leftovers& left, KnownResidue& known) const;

private:
  struct Removed {
    Leftovers left;      ///< with an absolute path
    bool stays = false;  ///< it is where it was: its own directory is another user's too
  };
  /// Errors: those of remove_what_may_go_at.
  Removed remove(int folder, const std::filesystem::path& where, const std::string& name,
                 const std::function<bool()>& give_up) const;
  [[nodiscard]] UniqueFd open_own(bool make) const;

  std::filesystem::path data_dir_;
  std::string repository_;
};

}  // namespace adapter::publish
