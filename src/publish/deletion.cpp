// SPDX-License-Identifier: Apache-2.0
// Deleting what was taken out of use: trees of one repository, and repositories that were retired.
#include <functional>
#include <optional>
#include <string>

#include "adapter/base/volume_layout.hpp"
#include "adapter/publish/publisher.hpp"
#include "folder.hpp"
#include "link.hpp"
#include "residue.hpp"
#include "trees.hpp"

namespace adapter::publish {

namespace {

Deletion deletion(const Leftovers& left) {
  return {.complete = !left.interrupted, .mostly_looked = left.removed <= left.entries};
}

/// What was taken out of use; deletes nothing of what `known` says is stuck.
Leftovers delete_gone(const std::filesystem::path& data_dir, const std::string& name, KnownResidue& known,
                      const std::function<bool()>& give_up) {
  const Residue residue(data_dir, name);
  if (name == volume::retired_repositories) {
    const UniqueFd data = open_data_dir(data_dir);
    const UniqueFd all = open_if_there(data.get(), volume::own_directory);
    return all ? residue.remove_gone(all.get(), volume::own_directory, known, give_up) : Leftovers{};
  }
  const std::optional<Trees> trees = Trees::open(data_dir, name);
  return trees ? trees->delete_gone(residue, known, give_up) : Leftovers{};
}

}  // namespace

Deletion delete_old_trees(const std::filesystem::path& data_dir, const std::string& name, KnownResidue& known,
                          const std::function<bool()>& give_up) {
  return deletion(delete_gone(data_dir, name, known, give_up));
}

Deletion retry_residue(const std::filesystem::path& data_dir, const std::string& name, KnownResidue& known,
                       const std::function<bool()>& give_up) {
  const Residue residue(data_dir, name);
  Leftovers left = residue.retry(give_up);
  if (left.interrupted) {
    return deletion(left);
  }
  KnownResidue noted = known;
  residue.note(left, noted);
  KnownResidue found{.entries = left.entries, .stuck = {}};
  if (!known.stuck.empty()) {
    left = delete_gone(data_dir, name, found, give_up);
  }
  if (!left.interrupted) {
    known = std::move(found);
  }
  return deletion(left);
}

}  // namespace adapter::publish
