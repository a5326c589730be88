// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "adapter/http/url.hpp"

namespace adapter::transport {

/// Where the requests of one remote go: to its URL, or to the place that redirects led to. Loop thread only.
class RemoteLocation {
public:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class Redirect : std::uint8_t {
    none,
    temporary,  ///< holds for one check and its fetch
    permanent,  ///< each was 301 or 308: holds for an hour
  };
  static constexpr std::chrono::hours permanent_redirect{1};

  explicit RemoteLocation(http::Url url) : url_(std::move(url)) {}

  [[nodiscard]] const http::Url& url() const noexcept { return url_; }
  /// Where the last hand-shake ended; nullopt: the next request is a hand-shake at url().
  [[nodiscard]] const std::optional<http::Url>& base() const noexcept { return base_; }

  /// A hand-shake ended at `base`. Logs a redirect whose target is new.
  void found(http::Url base, Redirect redirect, TimePoint now);
  /// The next request is a hand-shake at url().
  void forget() noexcept { base_.reset(); }
  /// The same, only where a redirect led to base().
  void forget_redirect() noexcept;
  /// The same, only where that redirect's time is over.
  void forget_expired(TimePoint now) noexcept;

  /// Forgets a redirect unless the call for which it lives succeeds: the place that it leads to may be closed or gone,
  /// while the configured URL serves again.
  class CallGuard {
  public:
    explicit CallGuard(RemoteLocation& location) : location_(location) {}
    ~CallGuard() {
      if (!succeeded_) {
        location_.forget_redirect();
      }
    }
    CallGuard(const CallGuard&) = delete;
    CallGuard& operator=(const CallGuard&) = delete;
    void succeeded() noexcept { succeeded_ = true; }

  private:
    RemoteLocation& location_;
    bool succeeded_ = false;
  };

private:
  http::Url url_;
  std::optional<http::Url> base_;
  std::optional<TimePoint> redirected_until_;  ///< nullopt: base_ is url_
  std::string logged_target_;                  ///< of the last redirect; empty: the last hand-shake had none
};

}  // namespace adapter::transport
