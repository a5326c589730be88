// SPDX-License-Identifier: Apache-2.0
#include "link_watch.hpp"

#include <algorithm>
#include <utility>

#include "adapter/base/error.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::sync {

namespace {

bool leads_to_a_tree_of(const std::filesystem::path& data_dir, const std::string& link, const std::string& repository) {
  try {
    std::error_code ignored;
    return publish::owner_of_link(data_dir, link) == repository &&
           std::filesystem::is_directory(data_dir / link, ignored);
  } catch (const Error&) {
    return false;  // a link that cannot be looked at cannot be read through either
  }
}

}  // namespace

std::vector<WatchedLink> look_at_links(const std::filesystem::path& data_dir, std::vector<WatchedLink> links,
                                       const std::stop_token& stop) {
  std::vector<WatchedLink> differing;
  for (WatchedLink& link : links) {
    if (stop.stop_requested()) {
      break;
    }
    const bool resolves = leads_to_a_tree_of(data_dir, link.link, link.repository);
    if (resolves != link.resolves) {
      link.resolves = resolves;
      differing.push_back(std::move(link));
    }
  }
  return differing;
}

std::chrono::milliseconds link_watch_interval(std::size_t links) noexcept {
  constexpr std::chrono::milliseconds shortest{1'000};
  constexpr std::chrono::milliseconds each{2};  // a look takes about 13 microseconds
  return std::max(shortest, each * static_cast<std::int64_t>(links));
}

}  // namespace adapter::sync
