// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::sync {

/// What a repository is doing.
enum class Phase : std::uint8_t {
  recovering,   ///< looking at what the last run left
  waiting,      ///< until it is due
  checking,     ///< asking the remote for its refs
  queued,       ///< changed; waiting for a sync permit
  fetching,     ///< receiving and verifying a pack
  publishing,   ///< writing the tree, moving the link
  backing_off,  ///< after a failure
  suspended,    ///< by configuration
  stopped,
};
[[nodiscard]] std::string_view to_string(Phase phase) noexcept;

/// The last failure, until a success.
struct Failure {
  ErrorClass error_class = ErrorClass::network;
  std::string text;                             ///< without secrets that the remote repeats
  std::chrono::system_clock::time_point since;  ///< when the first of the present run of failures happened: to be shown
  std::chrono::steady_clock::time_point since_steady;  ///< the same, to measure how long it lasts
  std::uint32_t count = 0;                             ///< failures in a row
  std::uint32_t unchanged = 0;  ///< of these, the last ones of the same class and text but for figures
};

/// One repository as it is now: a value, safe to hand to other threads.
struct RepositoryStatus {
  std::string name;
  std::string url;  ///< Url::display()
  std::string ref;  ///< as configured
  std::string
      resolved_ref;  ///< what that meant at the last check ("refs/heads/main"); empty before; secrets in it are hidden
  Phase phase = Phase::waiting;
  std::optional<ObjectId> commit;  ///< published
  std::optional<ObjectId> previous;
  std::string tree_path;      ///< absolute, through the link; empty when nothing is published
  bool link_resolves = true;  ///< false: the link was seen not to lead to a tree of its own; it is made whole again
  bool empty_remote = false;
  std::optional<std::chrono::system_clock::time_point> last_check;
  std::optional<std::chrono::system_clock::time_point> last_success;
  std::optional<std::chrono::system_clock::time_point> last_change;
  std::optional<std::chrono::system_clock::time_point> next_due;  ///< nothing: no poll is planned
  std::optional<Failure> failure;
  std::uint64_t received_bytes = 0;   ///< bodies of packs received for it, this run
  std::uint64_t published_paths = 0;  ///< files and links of the last publish of this run
  std::chrono::microseconds last_check_duration{0};
  std::chrono::milliseconds last_sync_duration{0};
  std::uint64_t attempts_begun = 0;  ///< looks at the remote, or at what the last run left; see Event::attempt
  std::uint64_t attempts_ended = 0;
  bool pinned = false;   ///< a commit id is configured: fresh once it is published
  bool webhook = false;  ///< one is configured
  bool hooked = false;   ///< polled less often because a forge announces pushes
  /// How old the last success may be before the repository counts as stale; nothing for pinned and suspended ones.
  std::optional<std::chrono::milliseconds> max_staleness;
  std::uint64_t residue_entries = 0;  ///< of old trees, that cannot be removed
  std::uint64_t left_out_links = 0;
  std::uint64_t submodules = 0;
  std::uint64_t lfs_pointers = 0;
};

/// Of this repository when nothing is configured: ten intervals, or the longest gap of its cron expression and some
/// minutes for the check itself; at least 5 min.
inline constexpr std::chrono::minutes least_default_staleness{5};

/// How far a transfer is, for progress bars.
struct SyncProgress {
  std::uint64_t received_bytes = 0;
  std::uint32_t received_objects = 0;
  std::uint32_t total_objects = 0;
};

}  // namespace adapter::sync
