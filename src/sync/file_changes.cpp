// SPDX-License-Identifier: Apache-2.0
#include "file_changes.hpp"

#include <utility>

namespace adapter::sync {
namespace {

using std::chrono::system_clock;

system_clock::time_point time_of(const timespec& time) {
  const auto since_epoch = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch));
}

bool changed_since(const FileVersion& version, system_clock::time_point time) {
  return version.stamp() && time_of(version.stamp()->changed) + FileVersion::longest_tick > time;
}

}  // namespace

std::vector<std::string> FileChanges::look(const std::vector<FailingRepository>& failing, const Versions& versions) {
  std::vector<std::string> changed;
  std::map<std::string, Versions> seen;
  for (const FailingRepository& each : failing) {
    Versions& known = seen[each.name];
    known = std::move(seen_[each.name]);
    bool news = false;
    for (const std::filesystem::path& file : each.files) {
      const auto now = versions.find(file);
      if (now == versions.end()) {
        continue;
      }
      const auto [before, is_first_look] = known.try_emplace(file, now->second);
      news = news || (is_first_look ? changed_since(now->second, each.tried) : before->second != now->second);
      before->second = now->second;
    }
    if (news) {
      changed.push_back(each.name);
    }
  }
  seen_ = std::move(seen);
  return changed;
}

}  // namespace adapter::sync
