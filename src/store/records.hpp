// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"

/// What a repository notes about itself, and the text of packed-refs. Pure.
namespace adapter::store {

inline constexpr std::string_view current_ref = "refs/adapter/current";
inline constexpr std::string_view previous_ref = "refs/adapter/previous";

/// What repo.git says about itself: packed-refs, shallow, and our own line about depth.
struct Records {
  struct Ref {
    std::string name;
    ObjectId id;
    std::optional<ObjectId> peeled;  ///< the commit an annotated tag leads to
  };
  std::string ref;  ///< the name the tip was kept under; empty: a pinned commit
  std::optional<ObjectId> current;
  std::optional<ObjectId> current_commit;
  std::optional<ObjectId> previous;
  std::optional<ObjectId> previous_commit;
  std::vector<ObjectId> shallow;
  std::uint32_t depth = 1;
  std::string source;  ///< whose `current` is, one line; empty when that is not known
};

/// packed-refs as git writes it.
[[nodiscard]] std::string format_packed_refs(const Records& records);
/// The inverse; lines that are not understood are skipped.
[[nodiscard]] std::vector<Records::Ref> parse_packed_refs(std::string_view text);

}  // namespace adapter::store
