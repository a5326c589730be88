// SPDX-License-Identifier: Apache-2.0
#include "trees.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "adapter/publish/publisher.hpp"
#include "durable.hpp"
#include "folder.hpp"
#include "link.hpp"
#include "manifest_file.hpp"
#include "verify.hpp"

namespace adapter::publish {
namespace {

constexpr mode_t shared_mode = 0755;
constexpr mode_t private_mode = 0700;

/// Somebody's chmod of the whole volume must not lock us or the readers out.
UniqueFd open_own(int parent, const std::string& name, mode_t mode) {
  UniqueFd folder = open_if_there(parent, name);
  if (folder) {
    correct_mode(folder.get(), mode, name);
  }
  return folder;
}

/// `sync`: makes the name durable also of a directory that is there already.
UniqueFd make_folder(int parent, const std::string& name, mode_t mode, bool sync) {
  UniqueFd folder = open_own(parent, name, mode);
  if (folder) {
    if (sync) {
      fsync_folder(parent, name);
    }
    return folder;
  }
  if (mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
    throw volume_error(errno, "make folder", name);
  }
  folder = open_directory_at(parent, name);
  set_mode(folder.get(), 0, mode, name);
  try {
    fsync_folder(parent, name);
  } catch (...) {
    unlinkat(parent, name.c_str(), AT_REMOVEDIR);  // a second sync of the same name would prove nothing
    throw;
  }
  return folder;
}

/// The group that a setgid directory hands down.
std::optional<gid_t> group_of(int data) {
  struct stat info{};
  const bool hands_down = fstat(data, &info) == 0 && (info.st_mode & S_ISGID) != 0;
  return hands_down ? std::optional(info.st_gid) : std::nullopt;
}

bool is_there(int folder, const std::string& name) {
  struct stat info{};
  if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return true;
  }
  if (errno != ENOENT && !is_unreadable_place(errno)) {
    throw storage_error(errno, "look at", name);
  }
  return errno != ENOENT;
}

}  // namespace

std::optional<Trees> Trees::open(const std::filesystem::path& data_dir, const std::string& name) {
  const UniqueFd data = open_data_dir(data_dir);
  const UniqueFd all = open_own(data.get(), volume::own_directory, shared_mode);
  if (!all) {
    return std::nullopt;
  }
  Trees trees;
  trees.group_ = group_of(data.get());
  trees.name_ = name;
  trees.own_ = open_own(all.get(), name, shared_mode);
  if (!trees.own_) {
    return std::nullopt;
  }
  trees.trees_ = open_own(trees.own_.get(), volume::trees_directory, shared_mode);
  trees.manifests_ = open_own(trees.own_.get(), volume::manifests_directory, private_mode);
  if (!trees.trees_ || !trees.manifests_) {
    return std::nullopt;
  }
  return trees;
}

Trees Trees::make(const std::filesystem::path& data_dir, const std::string& name, bool sync) {
  const UniqueFd data = open_data_dir(data_dir);
  const UniqueFd all = make_folder(data.get(), volume::own_directory, shared_mode, sync);
  Trees trees;
  trees.group_ = group_of(data.get());
  trees.name_ = name;
  trees.own_ = make_folder(all.get(), name, shared_mode, sync);
  trees.trees_ = make_folder(trees.own_.get(), volume::trees_directory, shared_mode, sync);
  trees.manifests_ = make_folder(trees.own_.get(), volume::manifests_directory, private_mode, sync);
  return trees;
}

std::string Trees::absence(const std::filesystem::path& data_dir, const std::string& name, const ObjectId& commit) {
  std::error_code ignored;
  const bool has_tree = std::filesystem::is_directory(data_dir / volume::tree_path(name, commit), ignored);
  return has_tree ? "the records of the trees are missing" : "the tree is missing";
}

std::vector<ObjectId> Trees::commits() const {
  struct Dated {
    std::int64_t ctime_ns;
    ObjectId commit;
  };
  std::vector<Dated> found;
  for (const std::string& name : list_names(trees_.get())) {
    const std::optional<ObjectId> commit = ObjectId::from_hex(name);
    struct stat info{};
    if (commit && fstatat(trees_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      found.push_back(Dated{facts_of(info).ctime_ns, *commit});
    }
  }
  std::sort(found.begin(), found.end(), [](const Dated& a, const Dated& b) { return a.ctime_ns > b.ctime_ns; });
  std::vector<ObjectId> commits;
  commits.reserve(found.size());
  for (const Dated& dated : found) {
    commits.push_back(dated.commit);
  }
  return commits;
}

TreeCheck Trees::check(const ObjectId& commit, Crew& crew, const std::stop_token& stop) const {
  TreeCheck result;
  try {
    compare(commit, crew, stop, result);
  } catch (const UnreadablePlace& place) {
    // A volume that answers nothing any more is no damage of one tree: then this throws too, and the caller waits.
    static_cast<void>(list_names(trees_.get()));
    static_cast<void>(list_names(manifests_.get()));
    result.manifest.reset();
    result.is_unreadable = true;
    result.damage = "the volume cannot read a part of the tree (" + place.text() + ")";
  }
  return result;
}

void Trees::compare(const ObjectId& commit, Crew& crew, const std::stop_token& stop, TreeCheck& result) const {
  const std::string hex = commit.to_hex();
  const UniqueFd tree(openat(trees_.get(), hex.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  result.there = tree || errno != ENOENT;
  if (!tree) {
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != EACCES) {
      throw_read_error(errno, "open folder", hex);
    }
    result.damage = result.there ? "the tree is not a readable folder" : "the tree is missing";
    return;
  }
  if (!is_there(manifests_.get(), hex)) {
    result.damage = "the record of the tree is missing";
    return;
  }
  result.manifest = read_manifest(manifests_.get(), hex);
  if (!result.manifest) {
    result.damage = "the record of the tree is damaged";
    return;
  }
  const Differences differences = compare_tree(tree.get(), *result.manifest, crew, stop);
  if (differences.any()) {
    result.manifest.reset();
    result.damage = differences.text();
  } else if (differences.refreshed > 0) {
    log::info("record_refreshed", "a published tree has other groups or permissions of the group, and the same bytes",
              {{"repository", name_}, {"commit", commit}, {"count", differences.refreshed}});
    refresh_record(hex, *result.manifest);
  }
}

bool Trees::lacks_group(const ObjectId& commit) const {
  struct stat info{};
  return group_ && fstatat(trees_.get(), commit.to_hex().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         info.st_gid != *group_;
}

/// Looking a damaged inode up fails, and with that each renaming onto its name.
void Trees::require_replaceable(const ObjectId& commit) const {
  const std::string hex = commit.to_hex();
  struct stat info{};
  if (fstatat(trees_.get(), hex.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 && is_unreadable_place(errno)) {
    const std::string cause = storage_error(errno, "look at", std::string(volume::trees_directory) + "/" + hex).text();
    throw StuckTree(ErrorClass::storage, cause +
                                             "; the tree cannot be written anew in the place of a folder that the "
                                             "volume cannot look up: repair the file system (fsck)");
  }
}

/// Without it the bytes are read again at the next look.
void Trees::refresh_record(const std::string& hex, const Manifest& manifest) const {
  const std::string temporary = unique_name(volume::temporary_prefix);
  try {
    const UniqueFd file(
        openat(manifests_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
      throw volume_error(errno, "write", "the record of the tree");
    }
    write_manifest(file.get(), manifest);
    fsync_fd(file.get(), "the record of the tree");
    if (renameat(manifests_.get(), temporary.c_str(), manifests_.get(), hex.c_str()) != 0) {
      throw volume_error(errno, "rename", "the record of the tree");
    }
  } catch (const Error& error) {
    unlinkat(manifests_.get(), temporary.c_str(), 0);
    log::debug("record_not_refreshed", error.text(), {{"repository", name_}});
  }
}

void Trees::keep(const std::string& staging, int staging_fd, const ObjectId& commit, const Manifest& manifest) const {
  const std::string hex = commit.to_hex();
  const std::string temporary = unique_name(volume::temporary_prefix);
  UniqueFd file(
      openat(manifests_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    throw volume_error(errno, "write", "the record of the tree");
  }
  try {
    write_manifest(file.get(), manifest);
    make_durable(trees_.get(), staging_fd, manifest);
    // After a syncfs there is nothing left to do here; after the sync of single files there is this one.
    fsync_fd(file.get(), "the record of the tree");
    if (renameat(manifests_.get(), temporary.c_str(), manifests_.get(), hex.c_str()) != 0) {
      throw volume_error(errno, "rename", "the record of the tree");
    }
  } catch (...) {
    unlinkat(manifests_.get(), temporary.c_str(), 0);
    throw;
  }
  take_name(staging, hex);
  make_names_durable(commit);
}

void Trees::take_name(const std::string& staging, const std::string& hex) const {
  if (!is_there(trees_.get(), hex)) {
    if (renameat(trees_.get(), staging.c_str(), trees_.get(), hex.c_str()) != 0) {
      throw volume_error(errno, "rename", hex);
    }
    return;
  }
  // A damaged tree bears the name, and the link may lead to it: never a moment without a tree.
  if (exchange_names(trees_.get(), staging, hex)) {
    renameat(trees_.get(), staging.c_str(), trees_.get(), unique_name(volume::trash_prefix).c_str());
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    throw volume_error(errno, "exchange", hex);
  }
  // A file system that cannot exchange (some network ones): two steps, between which the damaged tree is gone already.
  // It is not deleted before the second one.
  const std::string aside = unique_name(volume::temporary_prefix);
  if (renameat(trees_.get(), hex.c_str(), trees_.get(), aside.c_str()) != 0) {
    throw volume_error(errno, "rename", hex);
  }
  if (renameat(trees_.get(), staging.c_str(), trees_.get(), hex.c_str()) != 0) {
    const int failure = errno;
    renameat(trees_.get(), aside.c_str(), trees_.get(), hex.c_str());  // the damaged tree is better than none
    throw volume_error(failure, "rename", hex);
  }
  renameat(trees_.get(), aside.c_str(), trees_.get(), unique_name(volume::trash_prefix).c_str());
}

void Trees::make_names_durable(const ObjectId& commit) const {
  try {
    fsync_folder(manifests_.get(), volume::manifests_directory);
    fsync_folder(trees_.get(), volume::trees_directory);
  } catch (...) {
    // The tree stays, for the link may lead to it already; without its record it is not taken for a complete one.
    unlinkat(manifests_.get(), commit.to_hex().c_str(), 0);
    throw;
  }
}

void Trees::make_names_durable_at_start() const {
  static_cast<void>(fsync_folder_unless_read_only(manifests_.get(), volume::manifests_directory));
  static_cast<void>(fsync_folder_unless_read_only(trees_.get(), volume::trees_directory));
}

void Trees::set_aside(const ObjectId& commit) const {
  const std::string hex = commit.to_hex();
  set_aside_folder(hex);
  unlinkat(manifests_.get(), hex.c_str(), 0);  // one that stays is litter without a tree
}

std::size_t Trees::set_litter_aside() const {
  std::size_t count = 0;
  std::string failure;
  const auto attempt = [&](auto&& step) {
    try {
      step();
      ++count;
    } catch (const Error& error) {
      failure = error.text();
    }
  };
  for (const std::string& name : list_names(trees_.get())) {
    if (name.starts_with(volume::temporary_prefix)) {
      attempt([&] { set_aside_folder(name); });
    }
  }
  for (const std::string& name : list_names(own_.get())) {
    if (name.starts_with(volume::temporary_link_prefix)) {
      attempt([&] { remove_tree_at(own_.get(), name); });
    }
  }
  for (const std::string& name : list_names(manifests_.get())) {
    if (!ObjectId::from_hex(name) || !is_there(trees_.get(), name)) {
      attempt([&] { remove_tree_at(manifests_.get(), name); });
    }
  }
  if (!failure.empty()) {
    log::warning("sweep_failed", "some temporary files could not be removed; they are tried again later",
                 {{"repository", name_}, {"error", failure}});
  }
  return count;
}

Leftovers Trees::delete_gone(const Residue& residue, KnownResidue& known, const std::function<bool()>& give_up) const {
  return residue.remove_gone(trees_.get(), volume::trees_path(name_), known, give_up, manifests_.get());
}

void Trees::set_aside_folder(const std::string& name) const {
  const std::string gone = unique_name(volume::trash_prefix);
  if (renameat(trees_.get(), name.c_str(), trees_.get(), gone.c_str()) != 0 && errno != ENOENT) {
    throw volume_error(errno, "rename", name);
  }
}

}  // namespace adapter::publish
