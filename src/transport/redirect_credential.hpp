// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "adapter/auth/credentials.hpp"
#include "adapter/base/error.hpp"
#include "adapter/http/url.hpp"

namespace adapter::transport {

/// What forbids to follow a redirect from `asked` to `target`, of the same origin: an error of class policy where
/// `target` selects a credential that `asked` does not select, because the author of the configuration gave it to other
/// repositories. nullopt where both select the same one, or `target` selects none.
[[nodiscard]] std::optional<Error> redirect_credential_error(const auth::Credentials& credentials,
                                                             const http::Url& asked, const http::Url& target);

}  // namespace adapter::transport
