// SPDX-License-Identifier: Apache-2.0
#include "file_changes.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {
namespace {

/// Between two readings of when one attempt began, as the two clocks go.
constexpr std::chrono::milliseconds same_attempt{500};

std::chrono::system_clock::time_point time_of(const timespec& time) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::seconds(time.tv_sec)));
}

}  // namespace

std::vector<std::string> FileChanges::look(const std::vector<WaitingForFiles>& waiting, Stamps stamps) {
  std::vector<std::string> changed;
  std::map<std::string, std::chrono::system_clock::time_point> attempts;
  for (const WaitingForFiles& each : waiting) {
    const auto attempt = known_attempts_.find(each.repository);
    const bool first_look =
        attempt == known_attempts_.end() || std::chrono::abs(each.tried - attempt->second) > same_attempt;
    attempts[each.repository] = each.tried;
    const bool news = std::any_of(each.files.begin(), each.files.end(), [&](const std::filesystem::path& file) {
      const auto now = stamps.find(file);
      if (now == stamps.end()) {
        return false;
      }
      const auto before = known_.find(file);
      if (before != known_.end() && before->second != now->second) {
        return true;
      }
      // Whole seconds: a file of the second in which the attempt began is tried once too often rather than not at all.
      return first_look && now->second && time_of(now->second->changed) + std::chrono::seconds(1) > each.tried;
    });
    if (news) {
      changed.push_back(each.repository);
    }
  }
  known_ = std::move(stamps);
  known_attempts_ = std::move(attempts);
  return changed;
}

}  // namespace adapter::sync
