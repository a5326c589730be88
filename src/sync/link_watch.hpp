// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/base/object_id.hpp"

namespace adapter::sync {

/// A link that shows a published tree.
struct WatchedLink {
  std::string repository;
  std::string link;      ///< relative to the data directory
  bool resolves = true;  ///< as it was seen last
  /// What it may show: the commit that is published, and while another one is published that one too.
  std::vector<ObjectId> commits;
};

/// Those whose link leads to the tree of one of its commits now and did not, or the other way round; `resolves` says
/// what is. One look at each, never at the trees. Blocking; any thread; ends early when stopped.
[[nodiscard]] std::vector<WatchedLink> look_at_links(const std::filesystem::path& data_dir,
                                                     std::vector<WatchedLink> links, const std::stop_token& stop);

/// Between two looks at this many links: a second, or so long that the looks cost less than a hundredth of a core.
[[nodiscard]] std::chrono::milliseconds link_watch_interval(std::size_t links) noexcept;

}  // namespace adapter::sync
