// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace adapter::admin {

enum class Route : std::uint8_t {
  none,
  page,
  healthz,
  readyz,
  metrics,
  repositories,
  repository,
  sync,
  events,
  reload,
  prunable,
  prune,
  hook,  ///< of one repository
  hooks,
};

struct Match {
  Route route = Route::none;
  std::string name;        ///< of the repository, for repository, sync and hook; percent-decoded
  std::string_view allow;  ///< the methods it has: "GET, HEAD", "POST" or all three
  bool method_fits = false;
};

/// By plain comparison. A name is one path segment; whether it is configured is not looked at. Routes for GET answer
/// HEAD too.
[[nodiscard]] Match match_route(std::string_view method, std::string_view path);

}  // namespace adapter::admin
