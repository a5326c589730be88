// SPDX-License-Identifier: Apache-2.0
#include "staging.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "folder.hpp"

namespace adapter::publish {
namespace {

constexpr std::chrono::seconds longest_clean_up{1};
constexpr mode_t staging_mode = 0700;

/// Root has it too, except in a container that drops it.
bool has_cap_chown() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) {
    return geteuid() == 0;
  }
  return (sets.at(CAP_TO_INDEX(CAP_CHOWN)).effective & CAP_TO_MASK(CAP_CHOWN)) != 0;
}

bool may_give_to(gid_t group) {
  if (has_cap_chown() || getegid() == group) {
    return true;
  }
  const int count = getgroups(0, nullptr);
  std::vector<gid_t> groups(count > 0 ? static_cast<std::size_t>(count) : 0);
  const int known = getgroups(count > 0 ? count : 0, groups.data());
  groups.resize(known > 0 && count > 0 ? static_cast<std::size_t>(known) : 0);
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

void warn_of_group(gid_t group) {
  static std::atomic<bool> named{false};
  if (!named.exchange(true)) {
    log::warning("group_not_set",
                 "trees do not get the group of the volume, so that readers of that group cannot read them (share: "
                 "group); let the adapter run in that group (supplementalGroups or fsGroup, --group-add, usermod -aG), "
                 "and start it again: it writes the published trees anew",
                 {{"group", group}, {"user", geteuid()}});
  }
}

}  // namespace

bool has_wrong_group(const Trees& trees, const ObjectId& commit, Share share) {
  if (share != Share::group || !trees.lacks_group(commit)) {
    return false;
  }
  if (may_give_to(*trees.group())) {
    return true;
  }
  warn_of_group(*trees.group());
  return false;
}

Staging::Staging(const Trees& trees, Share share) : trees_(trees), name_(unique_name(volume::temporary_prefix)) {
  if (mkdirat(trees.folder(), name_.c_str(), staging_mode) != 0) {
    throw volume_error(errno, "make folder", std::string(volume::trees_directory) + "/" + name_);
  }
  fd_ = open_directory_at(trees.folder(), name_);
  if (trees.group()) {
    take_group(*trees.group(), share);
  }
}

void Staging::take_group(gid_t group, Share share) {
  struct stat info{};
  has_group_ = fchown(fd_.get(), static_cast<uid_t>(-1), group) == 0 &&
               fchmod(fd_.get(), staging_mode | S_ISGID) == 0 && fstat(fd_.get(), &info) == 0 && info.st_gid == group &&
               (info.st_mode & S_ISGID) != 0;
  if (!has_group_ && share == Share::group) {
    warn_of_group(group);
  }
}

Staging::~Staging() {
  if (name_.empty()) {
    return;
  }
  // A job that is stopped ends within two seconds: what is left then is deleted as old trees are.
  const auto deadline = std::chrono::steady_clock::now() + longest_clean_up;
  try {
    const Leftovers left = remove_what_may_go_at(trees_.folder(), name_,
                                                 [deadline] { return std::chrono::steady_clock::now() > deadline; });
    if (left.interrupted || left.entries > 0) {
      trees_.set_aside_folder(name_);
    }
  } catch (const Error& error) {
    log::warning("sweep_failed", "a tree that was not completed could not be removed; it is tried again later",
                 {{"error", error.text()}});
  }
}

void Staging::keep(const ObjectId& commit, const Manifest& manifest) {
  trees_.keep(name_, fd_.get(), commit, manifest);
}

void Staging::set_aside() {
  const std::string name = std::exchange(name_, std::string());
  trees_.set_aside_folder(name);
}

}  // namespace adapter::publish
