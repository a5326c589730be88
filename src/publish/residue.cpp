// SPDX-License-Identifier: Apache-2.0
#include "residue.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "folder.hpp"
#include "link.hpp"

namespace adapter::publish {
namespace {

Leftovers at(const std::filesystem::path& where, Leftovers left) {
  if (left.entries > 0) {
    left.path = (where / left.path).native();
  }
  return left;
}

UniqueFd open_or_make(int parent, const std::string& name, bool make) {
  if (make) {
    ensure_directory_at(parent, name, S_IRWXU);
  }
  return open_if_there(parent, name);
}

/// Where, whose it is, and what to do. `repository` is empty for one that was pruned.
void log_residue(const std::string& repository, const Leftovers& left) {
  const char* const message = left.error_number == EBUSY
                                  ? "a part of an old tree cannot be removed, because something is mounted in it, "
                                    "which is not touched; unmount "
                                    "it, and mount it outside of published trees: each commit has a new one"
                                  : "a part of an old tree cannot be removed, because another user made it or it is "
                                    "protected; remove it as its "
                                    "owner or as root, and mount the volume read-only where trees are read";
  log::warning("residue_left", message,
               {{"repository", repository},
                {"path", left.path},
                {"error", storage_error(left.error_number, "remove", left.path).text()},
                {"owner", left.owner},
                {"count", left.entries}});
}

}  // namespace

Residue::Residue(std::filesystem::path data_dir, std::string repository)
    : data_dir_(std::move(data_dir)), repository_(std::move(repository)) {}

Residue::Removed Residue::remove(int folder, const std::filesystem::path& where, const std::string& name,
                                 const std::function<bool()>& give_up) const {
  Leftovers left = remove_what_may_go_at(folder, name, give_up);
  if (left.entries == 0 || left.interrupted) {
    return {.left = std::move(left)};
  }
  const UniqueFd own = open_own(true);
  const std::string kept = unique_name("");
  if (!own || renameat(folder, name.c_str(), own.get(), kept.c_str()) != 0) {
    return {.left = at(data_dir_ / where, std::move(left)), .stays = true};
  }
  left.path.replace(0, name.size(), kept);
  return {.left = at(data_dir_ / volume::residue_path(repository_), std::move(left))};
}

Leftovers Residue::remove_gone(int folder, const std::filesystem::path& where, KnownResidue& known,
                               const std::function<bool()>& give_up, int also) const {
  Leftovers all;
  std::vector<std::string> names = list_names(folder);
  std::erase_if(names, [&known](const std::string& name) {
    return !name.starts_with(volume::trash_prefix) || known.stuck.contains(name);
  });
  if (names.empty()) {
    return all;
  }
  if (also >= 0) {
    fsync_folder(also, where.parent_path().native());
  }
  fsync_folder(folder, where.native());
  std::optional<Error> failure;
  for (const std::string& name : names) {
    try {
      const Removed removed = remove(folder, where, name, give_up);
      all.add(removed.left);
      if (all.interrupted) {
        return all;
      }
      note(removed.left, known);
      if (removed.stays) {
        known.stuck.insert(name);
      }
    } catch (const Error& error) {
      failure = error;
    }
  }
  if (failure) {
    throw Error(*failure);
  }
  return all;
}

Leftovers Residue::retry(const std::function<bool()>& give_up) const {
  Leftovers all;
  const UniqueFd own = open_own(false);
  if (!own) {
    return all;
  }
  for (const std::string& name : list_names(own.get())) {
    all.add(remove_what_may_go_at(own.get(), name, give_up));
    if (all.interrupted) {
      return all;
    }
  }
  if (all.entries == 0) {
    const UniqueFd data = open_data_dir(data_dir_);
    unlinkat(data.get(), volume::residue_path(repository_).c_str(), AT_REMOVEDIR);
    // Refused while it holds another repository's.
    unlinkat(data.get(), volume::own_path(volume::residue_directory).c_str(), AT_REMOVEDIR);
  }
  return at(data_dir_ / volume::residue_path(repository_), std::move(all));
}

void Residue::hand_over() const {
  if (!open_own(false)) {
    return;
  }
  const UniqueFd data = open_data_dir(data_dir_);
  const std::string own = volume::residue_path(repository_);
  const UniqueFd heir = Residue(data_dir_, volume::retired_repositories).open_own(true);
  if (!heir || (renameat(data.get(), own.c_str(), heir.get(), unique_name("").c_str()) != 0 && errno != ENOENT)) {
    throw volume_error(errno, "move", own);
  }
}

UniqueFd Residue::open_own(bool make) const {
  const UniqueFd data = open_data_dir(data_dir_);
  const UniqueFd all = open_if_there(data.get(), volume::own_directory);
  if (!all) {
    return {};
  }
  const UniqueFd residue = open_or_make(all.get(), volume::residue_directory, make);
  return residue ? open_or_make(residue.get(), repository_, make) : UniqueFd();
}

void Residue::note(const Leftovers& left, KnownResidue& known) const {
  if (left.entries > 0 && known.entries == 0) {
    log_residue(repository_ == volume::retired_repositories ? "" : repository_, left);
  }
  known.entries += left.entries;
}

}  // namespace adapter::publish
