// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/http/url.hpp"

namespace adapter::http {

[[nodiscard]] bool is_redirect_status(int status) noexcept;  ///< 301, 302, 303, 307, 308

/// Where a redirect leads, if it may be followed: first GET only (the caller's business), same scheme, host and
/// effective port, absolute or relative reference. Another origin is an error of class policy that names both origins;
/// an unusable Location is of class protocol; `hops_so_far` at max_redirects is of class protocol ("redirected more
/// than 5 times").
[[nodiscard]] Result<Url> redirect_target(const Url& from, std::string_view location, int hops_so_far);

/// The repository's base URL after the discovery GET was redirected: `landed` without "/info/refs" and its query.
/// Nothing else may be stripped: a landing that does not end in "/info/refs", or has another query than the one that
/// was sent (service=git-upload-pack), is an error of class protocol.
[[nodiscard]] Result<Url> base_after_redirect(const Url& landed);

}  // namespace adapter::http
