// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "adapter/config/config.hpp"
#include "adapter/http/url.hpp"

namespace adapter::sync {

/// Until when hosts asked not to be asked again (Retry-After): for repositories that a reload adds or begins anew. It
/// outlives tasks and remotes. A host is an origin with the credentials that are configured for it. No I/O. One thread.
class HostWaits {
public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// At the start and at each reload. Forgets the waits of hosts whose credentials are others now.
  void configure(std::vector<config::Credential> credentials);
  /// The last configure() changed the credentials of that host.
  [[nodiscard]] bool has_new_credentials(const http::Origin& host) const;

  /// The host asked to wait until then; the latest of several times counts.
  void note_asked(const http::Origin& host, TimePoint until);
  /// The host gave an answer since: whatever it asked for concerns single repositories, which know it themselves.
  void note_answered(const http::Origin& host);
  /// The clock's zero where there is no wait.
  [[nodiscard]] TimePoint until(const http::Origin& host) const;

private:
  std::vector<config::Credential> credentials_;
  std::vector<config::Credential> former_credentials_;  ///< before the last configure()
  std::map<http::Origin, TimePoint> waits_;             ///< of configured hosts only, so it has a bound
};

}  // namespace adapter::sync
