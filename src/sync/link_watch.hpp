// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
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

/// Whether the link leads to the tree of one of its commits: a look at it, not into the tree. False also where it
/// cannot be looked at. Blocking; any thread.
[[nodiscard]] bool shows_its_commit(const std::filesystem::path& data_dir, const WatchedLink& link);

/// Between two looks at this many links: a second, or so long that the looks cost less than a hundredth of a core.
[[nodiscard]] std::chrono::milliseconds link_watch_interval(std::size_t links) noexcept;

}  // namespace adapter::sync
