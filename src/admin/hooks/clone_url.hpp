// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "adapter/http/url.hpp"

namespace adapter::admin {

/// Whether a repository's address in a delivery means the repository that is configured. It only ever selects among
/// configured URLs; the address is not contacted.
///
/// Hosts compare without case and paths with it, without slashes at either end and one ".git". The scheme plays no
/// part: http, https, ssh, git and "user@host:path" all match, user names in them are passed over. A port counts only
/// where an http(s) address names one that is not its scheme's. Queries and what is no address never match.
[[nodiscard]] bool same_repository(const http::Url& configured, std::string_view clone_url);

}  // namespace adapter::admin
