// SPDX-License-Identifier: Apache-2.0
#include "remote_location.hpp"

#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::transport {

void RemoteLocation::found(http::Url base, Redirect redirect, TimePoint now) {
  redirected_until_.reset();
  if (redirect == Redirect::none) {
    logged_target_.clear();
  } else {
    redirected_until_ = redirect == Redirect::permanent ? now + permanent_redirect : now;
    std::string target = base.display();
    if (logged_target_ != target) {
      log::info("redirected", "the remote redirects to another path, which costs requests: set url to it",
                {{"url", url_.display()}, {"target", target}});
      logged_target_ = std::move(target);
    }
  }
  base_ = std::move(base);
}

void RemoteLocation::forget_redirect() noexcept {
  if (redirected_until_) {
    base_.reset();
    redirected_until_.reset();
  }
}

void RemoteLocation::forget_expired(TimePoint now) noexcept {
  if (redirected_until_ && now >= *redirected_until_) {
    forget_redirect();
  }
}

}  // namespace adapter::transport
