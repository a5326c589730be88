// SPDX-License-Identifier: Apache-2.0
#include "link_watch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "adapter/base/error.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::sync {

bool shows_its_commit(const std::filesystem::path& data_dir, const WatchedLink& link) {
  try {
    std::error_code ignored;
    const std::filesystem::path target = std::filesystem::read_symlink(data_dir / link.link, ignored);
    const std::optional<ObjectId> commit = ObjectId::from_hex(target.filename().native());
    return commit && std::find(link.commits.begin(), link.commits.end(), *commit) != link.commits.end() &&
           publish::owner_of_link(data_dir, link.link) == link.repository &&
           std::filesystem::is_directory(data_dir / link.link, ignored);
  } catch (const Error&) {
    return false;  // a link that cannot be looked at cannot be read through either
  }
}

std::chrono::milliseconds link_watch_interval(std::size_t links) noexcept {
  constexpr std::chrono::milliseconds shortest{1'000};
  constexpr std::chrono::milliseconds each{2};  // a look takes about 13 microseconds
  return std::max(shortest, each * static_cast<std::int64_t>(links));
}

}  // namespace adapter::sync
