// SPDX-License-Identifier: Apache-2.0
#include "link_watch.hpp"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace adapter::sync {

namespace {

bool leads_to_a_tree_of(const std::filesystem::path& link, const std::string& repository) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) {
    return false;  // nothing, or what somebody put there
  }
  std::string_view rest(target.data(), static_cast<std::size_t>(size));
  while (rest.starts_with("../")) {
    rest.remove_prefix(3);
  }
  struct stat info{};
  return rest.starts_with(".adapter/" + repository + "/trees/") && stat(link.c_str(), &info) == 0 &&
         S_ISDIR(info.st_mode);
}

}  // namespace

std::vector<WatchedLink> look_at_links(std::vector<WatchedLink> links, const std::stop_token& stop) {
  std::vector<WatchedLink> differing;
  for (WatchedLink& link : links) {
    if (stop.stop_requested()) {
      break;
    }
    const bool resolves = leads_to_a_tree_of(link.path, link.repository);
    if (resolves != link.resolves) {
      link.resolves = resolves;
      differing.push_back(std::move(link));
    }
  }
  return differing;
}

std::chrono::milliseconds link_watch_interval(std::size_t links) noexcept {
  constexpr std::chrono::milliseconds shortest{1'000};
  constexpr std::chrono::milliseconds each{2};  // a look takes about two microseconds
  return std::max(shortest, each * static_cast<std::int64_t>(links));
}

}  // namespace adapter::sync
