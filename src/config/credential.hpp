// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "adapter/config/config.hpp"
#include "reader/fields.hpp"

namespace adapter::config {

/// Reads one entry of `credentials`; nothing when it is wrong (and reported).
[[nodiscard]] std::optional<Located<Credential>> read_credential(Context& context, const Value& value);

/// Reports entries with equal URLs, and as a warning those that cover no repository, unless a repository or its URL
/// could not be read (`all_are_known` is false).
void check_credentials(Context& context, const std::vector<Located<Credential>>& credentials,
                       const std::vector<Repository>& repositories, bool all_are_known);

/// The entry with the longest path that covers `url`.
[[nodiscard]] const Credential* find_credential(const std::vector<Located<Credential>>& credentials,
                                                const http::Url& url);

}  // namespace adapter::config
