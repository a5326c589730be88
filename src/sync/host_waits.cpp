// SPDX-License-Identifier: Apache-2.0
#include "host_waits.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "adapter/auth/credentials.hpp"
#include "retry_policy.hpp"

namespace adapter::sync {
namespace {

std::optional<config::Credential> copy_of(const config::Credential* credential) {
  return credential != nullptr ? std::optional(*credential) : std::nullopt;
}

}  // namespace

HostWaits::Host HostWaits::host_of(const std::vector<config::Credential>& credentials, const http::Url& url) {
  const config::Credential* const chosen = auth::credential_for(credentials, url);
  return {url.origin(), chosen != nullptr ? chosen->url.path() : std::string()};
}

void HostWaits::configure(const config::Config& config, TimePoint now) {
  former_credentials_ = std::exchange(credentials_, config.credentials);
  if (waits_.empty()) {
    return;
  }
  std::set<Host> configured;
  for (const config::Repository& repository : config.repositories) {
    configured.insert(host_of(credentials_, repository.url));
  }
  std::erase_if(waits_, [&](const auto& each) {
    const auto& [host, wait] = each;
    return wait.until <= now || !configured.contains(host) || has_new_credential(host);
  });
}

bool HostWaits::has_new_credential(const Host& host) const {
  const auto of_host = [&host](const std::vector<config::Credential>& all) {
    const auto found = std::find_if(all.begin(), all.end(), [&host](const config::Credential& each) {
      return each.url.origin() == host.first && each.url.path() == host.second;
    });
    return found != all.end() ? std::optional(*found) : std::nullopt;
  };
  return of_host(former_credentials_) != of_host(credentials_);
}

bool HostWaits::is_same_host(const http::Url& former, const http::Url& next) const {
  return former.origin() == next.origin() && copy_of(auth::credential_for(former_credentials_, former)) ==
                                                 copy_of(auth::credential_for(credentials_, next));
}

void HostWaits::note_asked(const http::Url& url, TimePoint until, TimePoint now) {
  Wait& wait = waits_[host_of(credentials_, url)];
  wait.until = std::max(wait.until, std::min(until, now + longest_for_others));
  wait.noted = now;
}

void HostWaits::note_answered(const http::Url& url, TimePoint began) {
  const auto place = waits_.find(host_of(credentials_, url));
  if (place != waits_.end() && place->second.noted < began) {
    waits_.erase(place);
  }
}

HostWaits::TimePoint HostWaits::until(const http::Url& url) const {
  const auto place = waits_.find(host_of(credentials_, url));
  return place == waits_.end() ? TimePoint() : place->second.until;
}

WaitWithHost::TimePoint WaitWithHost::until(TimePoint of_host, TimePoint own, TimePoint now, std::mt19937_64& random) {
  if (of_host != std::exchange(of_host_, of_host)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(of_host - now);
    until_ = of_host > now ? of_host + spread_of_wait(left, random) : TimePoint();
  }
  return of_host > own ? until_ : TimePoint();
}

}  // namespace adapter::sync
