// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "adapter/wire/protocol_v2.hpp"

namespace adapter::sync {

/// What a configured `ref` means: which refs to ask a remote for, and which of its answer counts. Pure.
class RefSelection {
public:
  /// `ref` as in the configuration: HEAD, refs/…, a full commit id, or a name that is looked up as gitrevisions(7)
  /// says: below refs/ where it has a slash (tags/v1, pull/1/head), then as a branch, then as a tag. Here a branch wins
  /// over a tag.
  explicit RefSelection(std::string ref);

  /// The commit itself is configured: nothing to ask for.
  [[nodiscard]] const std::optional<ObjectId>& pinned() const noexcept { return pinned_; }
  /// `ref-prefix` arguments; HEAD is always among them, to tell an empty repository from a missing branch.
  [[nodiscard]] const std::vector<std::string>& prefixes() const noexcept { return prefixes_; }

  struct Choice {
    enum class Kind : std::uint8_t {
      found,
      empty_remote,  ///< the repository has no commit yet
      missing,       ///< it has refs, but not this one
    } kind = Kind::missing;
    std::string ref;         ///< full name under which the tip is kept; empty: a detached HEAD or pinned commit
    ObjectId tip;            ///< commit or annotated tag
    bool ambiguous = false;  ///< the name fits several refs of the remote; `ref` was taken
    std::string unborn;      ///< the branch to which a HEAD without a commit points; empty: not said
  };
  [[nodiscard]] Choice choose(const std::vector<wire::Ref>& refs) const;

  /// Whether a push of `pushed` (a full name; empty: of something) moves what is followed. `resolved`: the ref that was
  /// followed last, empty when there was none yet.
  [[nodiscard]] bool concerns(std::string_view pushed, std::string_view resolved) const;

  [[nodiscard]] const std::string& ref() const noexcept { return ref_; }

private:
  std::string ref_;
  std::optional<ObjectId> pinned_;
  std::vector<std::string> names_;  ///< full names that it may mean, the one that wins first
  std::vector<std::string> prefixes_;
};

}  // namespace adapter::sync
