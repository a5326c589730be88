// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/http/message.hpp"
#include "adapter/http/url.hpp"

namespace adapter::transport {

/// What a remote answered instead of what was asked for.
struct Refusal {
  const http::ResponseHead& head;
  const http::Url& url;        ///< that was asked
  std::string credential_key;  ///< of the credential that was sent; empty without one
  std::string body;            ///< the beginning of the answer's body, as it came
  std::chrono::system_clock::time_point now;
};

/// The error for an answer whose status is not 200: auth (401, 403, 407), not_found (404, 410), rate_limited (429, and
/// 403 or 503 with Retry-After), network (408, other 5xx), protocol (the rest). Says what to do; shows at most 200
/// bytes of a text/plain body.
[[nodiscard]] Error status_error(const Refusal& refusal);

/// The error for a 200 whose content is not `expected`; nothing when it is.
[[nodiscard]] std::optional<Error> content_type_error(const http::ResponseHead& head, std::string_view expected);

/// Whether the answer to a request that relied on an earlier hand-shake means that this should be repeated.
[[nodiscard]] bool is_stale_status(int status) noexcept;

}  // namespace adapter::transport
