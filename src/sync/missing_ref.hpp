// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ref_selection.hpp"

/// Words for a configured `ref` that the remote does not have. Pure.
namespace adapter::sync {

inline constexpr std::size_t max_shown_refs = 5;
/// Among so many a near one is looked for.
inline constexpr std::size_t max_compared_refs = 10'000;

/// `ref-prefix` arguments for the refs among which a near one may be: branches, tags, and the name space of `ref` where
/// that is another one (refs/pull/).
[[nodiscard]] std::vector<std::string> broader_prefixes(std::string_view ref);

/// At most max_shown_refs names, as `ref` takes them (main, tags/v1, refs/pull/7/head): those with few edits first,
/// then those that hold `ref` or are held by it, then the rest. Looks at the first max_compared_refs.
[[nodiscard]] std::vector<std::string> nearest_refs(std::string_view ref, const std::vector<wire::Ref>& refs);

/// The error's text. `near` comes from nearest_refs(), empty when it is not known; names are escaped here. `published`:
/// a commit is, and stays.
[[nodiscard]] std::string describe_missing(std::string_view ref, const RefSelection::Choice& choice,
                                           const std::vector<std::string>& near, bool published);

}  // namespace adapter::sync
