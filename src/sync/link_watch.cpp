// SPDX-License-Identifier: Apache-2.0
#include "link_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace adapter::sync {

std::vector<WatchedLink> look_at_links(std::vector<WatchedLink> links, const std::stop_token& stop) {
  std::vector<WatchedLink> differing;
  for (WatchedLink& link : links) {
    if (stop.stop_requested()) {
      break;
    }
    struct stat info{};
    const bool resolves = stat(link.path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
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
