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
inline constexpr std::string_view published_ref = "refs/adapter/published";

/// What repo.git says about itself: packed-refs, shallow, and our own line about depth.
struct StoredRefs {
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
  /// The commit whose tree is published: tips that were kept after it may have been refused.
  std::optional<ObjectId> published;
  std::vector<ObjectId> shallow;
  std::uint32_t depth = 1;
  std::string source;  ///< whose `current` is, one line; empty when that is not known
};

/// Every commit that is kept, each once, the newest first.
[[nodiscard]] std::vector<ObjectId> kept_commits(const StoredRefs& stored);
/// Those, and the tags that lead to them: what the remote may be told.
[[nodiscard]] std::vector<ObjectId> kept_tips(const StoredRefs& stored);

/// packed-refs as git writes it.
[[nodiscard]] std::string format_packed_refs(const StoredRefs& stored);
/// The inverse; lines that are not understood are skipped.
[[nodiscard]] std::vector<StoredRefs::Ref> parse_packed_refs(std::string_view text);

}  // namespace adapter::store
