// SPDX-License-Identifier: Apache-2.0
#include "unfit_name.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "adapter/base/text.hpp"
#include "folder.hpp"

namespace adapter::publish {
namespace {

constexpr std::string_view cure =
    "rename it in the repository, or put data_dir on a volume that holds every name (ext4, XFS)";

std::optional<struct stat> look_at(int folder, std::string_view name) {
  struct stat info{};
  if (fstatat(folder, std::string(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::nullopt;
  }
  return info;
}

/// The entry made before that the volume takes for this one; empty when somebody else made what is there.
std::string_view same_entry(const Unmade& entry) {
  const std::optional<struct stat> there = look_at(entry.folder, entry.name);
  if (!there) {
    return {};
  }
  for (const std::string_view other : entry.others) {
    if (other == entry.name) {
      return {};  // the tree has it twice, which is no fault of the volume
    }
    const std::optional<struct stat> info = look_at(entry.folder, other);
    if (info && info->st_dev == there->st_dev && info->st_ino == there->st_ino) {
      return other;
    }
  }
  return {};
}

Error unfit(int error_number, const Unmade& entry, std::string_view what) {
  const std::string why = storage_error(error_number, entry.verb, join(entry.path, entry.name)).text();
  return Error(ErrorClass::policy, why + ": " + std::string(what) + "; " + std::string(cure));
}

}  // namespace

Error unmade_error(int error_number, const Unmade& entry) {
  switch (error_number) {
    case EINVAL:
    case EILSEQ:
      return unfit(error_number, entry, "the volume does not take the characters of this name");
    case ENAMETOOLONG:
      return unfit(error_number, entry, "the name, or a link's target, is too long for the volume");
    case EMLINK:
      return unfit(error_number, entry, "a folder of the volume cannot have so many folders");
    case EPERM:
      if (entry.verb == link_verb) {
        return unfit(error_number, entry, "the volume has no symbolic links, which the adapter needs for itself too");
      }
      break;
    case EEXIST:
      if (const std::string_view other = same_entry(entry); !other.empty()) {
        return unfit(error_number, entry,
                     "the volume takes this name for " + escape(join(entry.path, other)) +
                         ", it does not tell their letters apart");
      }
      return Error(ErrorClass::storage, "cannot " + std::string(entry.verb) + " " +
                                            escape(join(entry.path, entry.name)) +
                                            ": it is there already; something else writes into the adapter's folder, "
                                            "find it and stop it");
    default:
      break;
  }
  return volume_error(error_number, entry.verb, join(entry.path, entry.name));
}

}  // namespace adapter::publish
