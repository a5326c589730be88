// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "adapter/base/object_id.hpp"

/// Every name that the adapter gives a file or directory of its own on the volume; a lint keeps them out of the rest of
/// src/ and include/. The names inside repo.git that git defines are the store's.
///
///   data_dir/.adapter/
///     .lock  .owner/  .made/
///     .residue/<repository>/          .residue/.pruned/
///     .gone-<random>/
///     <repository>/
///       state.json  .link-<random>  .tmp-<random>
///       trees/<commit>/               trees/.tmp-<random>/  trees/.gone-<random>/
///       manifests/<commit>            manifests/.tmp-<random>
///       incoming/<random>/
///       repo.git/                     repo.git/.tmp-<random>
namespace adapter::volume {

/// In data_dir: all that is not a link.
inline constexpr const char* own_directory = ".adapter";

/// In the own directory. The process id of the daemon; locked where locks of directories do not suffice.
inline constexpr const char* lock_file = ".lock";
/// Locked by a daemon; consumers of another user cannot open it.
inline constexpr const char* owner_directory = ".owner";
/// A note for each directory that was made on the way to a link.
inline constexpr const char* made_directories = ".made";
/// What cannot be removed of old trees, by repository.
inline constexpr const char* residue_directory = ".residue";
/// Stands for all pruned repositories where the name of one is expected; no configured repository can have it.
inline constexpr const char* retired_repositories = ".pruned";

/// In the directory of a repository.
inline constexpr const char* trees_directory = "trees";
inline constexpr const char* manifests_directory = "manifests";
inline constexpr const char* git_directory = "repo.git";
inline constexpr const char* quarantine_directory = "incoming";
inline constexpr const char* state_file = "state.json";

/// In repo.git, where git ignores them.
inline constexpr const char* damaged_packs_directory = "damaged";
inline constexpr const char* depth_file = "adapter-depth";
inline constexpr const char* source_file = "adapter-source";

/// Begin the names of unique_name(). Of what is being written, also outside of the own directory.
inline constexpr const char* temporary_prefix = ".tmp-";
/// Of a link before it is moved to its path.
inline constexpr const char* temporary_link_prefix = ".link-";
/// Of a tree, or of a repository's directory, that was taken out of use and is to be deleted.
inline constexpr const char* trash_prefix = ".gone-";

/// The paths below are relative to data_dir, without a slash at either end.

/// ".adapter/<name>": a repository's directory, or a name of the own directory.
[[nodiscard]] inline std::string own_path(std::string_view name) {
  return std::string(own_directory) + "/" + std::string(name);
}

/// ".adapter/<repository>/trees"
[[nodiscard]] inline std::string trees_path(std::string_view repository) {
  return own_path(repository) + "/" + trees_directory;
}

/// ".adapter/<repository>/trees/<commit>"
[[nodiscard]] inline std::string tree_path(std::string_view repository, const ObjectId& commit) {
  return trees_path(repository) + "/" + commit.to_hex();
}

/// ".adapter/.residue/<repository>"
[[nodiscard]] inline std::string residue_path(std::string_view repository) {
  return own_path(residue_directory) + "/" + std::string(repository);
}

}  // namespace adapter::volume
