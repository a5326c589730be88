// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "machine.hpp"

namespace adapter::sync {

inline constexpr std::size_t max_former_links = 64;

/// data_dir/.adapter/<name>/state.json: facts that save work after a restart. Never the truth: the link and the packs
/// are, and a file that is missing, damaged or from elsewhere only costs a fetch.
struct RepositoryState {
  std::string url;
  std::string link;
  /// Of earlier configurations, not seen to be gone: noted before the new link can exist, so that no reload or kill in
  /// between leaves one behind that nobody knows of. At most max_former_links.
  std::vector<std::string> former_links{};
  std::optional<Published> published;
  std::map<ObjectId, Refusal> refusals;
  std::string followed;  ///< the ref, as it was configured
  /// The last success known when this was written, in whole milliseconds: a schedule with hours between its checks
  /// would count as stale after each restart without it.
  std::optional<schedule::TimePoint> last_success;

  friend bool operator==(const RepositoryState&, const RepositoryState&) = default;
};

[[nodiscard]] std::string to_json(const RepositoryState& state);
/// Nothing for what is not such a file.
[[nodiscard]] std::optional<RepositoryState> parse_state(std::string_view json);

/// Blocking; any thread. Absent or unreadable: nothing. Removes what a save that was killed left behind.
[[nodiscard]] std::optional<RepositoryState> load_state(const std::filesystem::path& directory);
/// Blocking; durable and atomic. Throws storage errors.
void save_state(const std::filesystem::path& directory, const RepositoryState& state);

}  // namespace adapter::sync
