// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/sync/status.hpp"

namespace adapter::admin {

/// One word for a repository.
enum class Health : std::uint8_t {
  ok,
  failing,    ///< the last attempt failed; what is published is still fresh
  stale,      ///< no success for max_staleness, or failures before the first
  pending,    ///< nothing is known yet
  empty,      ///< the remote has no commit, and nothing is published
  suspended,  ///< by configuration; does not count
};
[[nodiscard]] std::string_view to_string(Health health) noexcept;

struct Judgement {
  Health health = Health::pending;
  bool ready = false;  ///< published, to be seen through its link, and fresh; or does not count
  std::optional<std::chrono::milliseconds> age;  ///< of the last success
};

/// Pure. A pinned commit is fresh once it is published.
[[nodiscard]] Judgement judge(const sync::RepositoryStatus& status, std::chrono::system_clock::time_point now);

struct NotReady {
  std::string name;
  Judgement judgement;
  std::optional<ErrorClass> error_class;
  std::optional<std::chrono::system_clock::time_point> since;  ///< the first of the present failures
};

/// Those that are not ready, in the order given.
[[nodiscard]] std::vector<NotReady> not_ready(const std::vector<sync::RepositoryStatus>& repositories,
                                              std::chrono::system_clock::time_point now);

/// "due in 25 s", "retry in 40 s after a network error", "one of the syncs at a time": why nothing happens just now, or
/// what does.
[[nodiscard]] std::string waiting_for(const sync::RepositoryStatus& status, std::chrono::system_clock::time_point now);

}  // namespace adapter::admin
