// SPDX-License-Identifier: Apache-2.0
#include "host_waits.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {
namespace {

std::vector<config::Credential> credentials_for(const std::vector<config::Credential>& all, const http::Origin& host) {
  std::vector<config::Credential> matching;
  for (const config::Credential& credential : all) {
    if (credential.url.origin() == host) {
      matching.push_back(credential);
    }
  }
  return matching;
}

}  // namespace

void HostWaits::configure(std::vector<config::Credential> credentials) {
  former_credentials_ = std::exchange(credentials_, std::move(credentials));
  std::erase_if(waits_, [this](const auto& wait) { return has_new_credentials(wait.first); });
}

bool HostWaits::has_new_credentials(const http::Origin& host) const {
  return credentials_for(credentials_, host) != credentials_for(former_credentials_, host);
}

void HostWaits::note_asked(const http::Origin& host, TimePoint until) {
  TimePoint& latest = waits_[host];
  latest = std::max(latest, until);
}

void HostWaits::note_answered(const http::Origin& host) {
  waits_.erase(host);
}

HostWaits::TimePoint HostWaits::until(const http::Origin& host) const {
  const auto place = waits_.find(host);
  return place == waits_.end() ? TimePoint() : place->second;
}

}  // namespace adapter::sync
