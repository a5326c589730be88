// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "adapter/config/config.hpp"
#include "adapter/http/url.hpp"

namespace adapter::sync {

/// Until when hosts asked not to be asked again (Retry-After): for all repositories of the host. It outlives tasks and
/// remotes. A host is an origin with the credential that the repository's URL selects, or with none:
/// a team whose token is throttled holds up no other team. No I/O. One thread.
class HostWaits {
public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// A repository itself waits as long as it was asked to; what it was told holds up others for no longer than this.
  static constexpr std::chrono::minutes longest_for_others{15};

  /// At the start and at each reload. Forgets the waits that are over at `now`, those of hosts whose credential is
  /// another one now, and those of hosts that no repository has any more.
  void configure(const config::Config& config, TimePoint now);
  /// Whether `next` of the present configuration is at the host where `former` was before the last configure(), with
  /// the same credential.
  [[nodiscard]] bool is_same_host(const http::Url& former, const http::Url& next) const;

  /// The host of `url` asked at `now` to wait until then; the latest of several times counts.
  void note_asked(const http::Url& url, TimePoint until, TimePoint now);
  /// The host gave an answer to a question that began then, such as one that was on its way: whatever it asked for
  /// before concerns single repositories, which know it themselves.
  void note_answered(const http::Url& url, TimePoint began);
  /// At most `longest_for_others` after it was noted; the clock's zero where there is no wait.
  [[nodiscard]] TimePoint until(const http::Url& url) const;

private:
  /// The path is that of the credential's prefix; empty: no credential.
  using Host = std::pair<http::Origin, std::string>;
  struct Wait {
    TimePoint until;
    TimePoint noted;
  };

  [[nodiscard]] static Host host_of(const std::vector<config::Credential>& credentials, const http::Url& url);
  [[nodiscard]] bool has_new_credential(const Host& host) const;

  std::vector<config::Credential> credentials_;
  std::vector<config::Credential> former_credentials_;  ///< before the last configure()
  std::map<Host, Wait> waits_;                          ///< of configured hosts only, so it has a bound
};

/// The wait of one repository with its host: a little longer than the host's, so that not all come back in one instant.
class WaitWithHost {
public:
  using TimePoint = HostWaits::TimePoint;

  /// `of_host` is what HostWaits says, `own` what the host asked this repository for, which has a spread of its own.
  [[nodiscard]] TimePoint until(TimePoint of_host, TimePoint own, TimePoint now, std::mt19937_64& random);

private:
  TimePoint of_host_{};
  TimePoint until_{};
};

}  // namespace adapter::sync
