// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "adapter/wire/protocol_v2.hpp"

/// The names that `adapter ls-remote URL REF…` was given. Pure.
namespace adapter::app {

/// `ref-prefix` arguments for these names, which mean what they mean as `ref` in the configuration; one that ends with
/// a slash means all below it. No names: all refs.
[[nodiscard]] std::vector<std::string> prefixes_for(const std::vector<std::string>& names);

/// A sentence for each name that fits none of `refs`; a commit id, which is no ref, has one of its own. Names are
/// escaped here.
[[nodiscard]] std::vector<std::string> describe_absent(const std::vector<std::string>& names,
                                                       const std::vector<wire::Ref>& refs);

}  // namespace adapter::app
