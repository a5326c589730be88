// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "adapter/base/error.hpp"

namespace adapter::schedule {

/// What one field of a cron expression may hold.
struct FieldRule {
  std::string_view label;  ///< as in error texts and in the hash for H
  unsigned first = 0;
  unsigned last = 0;                        ///< of `*` and of a step without an end
  unsigned last_given = 0;                  ///< of a number: 7 for the day of the week, where it is Sunday as 0 is
  unsigned last_hashed = 0;                 ///< of H: 28 for the day of the month, which every month has
  std::span<const std::string_view> names;  ///< the first one means `first`; empty where there are none
};

/// The values that `text` selects, as bits, and whether it starts with `*`.
struct FieldSet {
  std::uint64_t bits = 0;
  bool wildcard = false;
};

/// Parses one field: a list, at commas, of `*`, a, a-b, each with an optional /step, H, H(a-b), H/step, H(a-b)/step;
/// names in any case. Class config: names the field and what is wrong.
[[nodiscard]] Result<FieldSet> parse_field(std::string_view text, const FieldRule& rule, std::string_view hash_key);

/// The number behind H: 64-bit FNV-1a over "label:key", mixed by MurmurHash3's 64-bit finaliser. It is part of the
/// contract: the same name has the same slots on every machine and in every version.
[[nodiscard]] std::uint64_t stable_hash(std::string_view label, std::string_view key) noexcept;

}  // namespace adapter::schedule
