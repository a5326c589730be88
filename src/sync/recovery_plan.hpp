// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapter/publish/publisher.hpp"
#include "repository_journal.hpp"

namespace adapter::sync {

/// Everything that recovery decides by: plain values.
struct RecoveryFacts {
  Source configured;
  std::string link;                     ///< configured
  const SavedState* journal = nullptr;  ///< null: there is none
  publish::Standing found;
  /// Where the link leads to a tree of another repository: whose content that is, by that repository's notes.
  std::optional<Source> shown_elsewhere;
  /// What the store's ref had last, and whose it is as far as the store can say.
  std::optional<Published> kept;
  std::optional<Source> kept_source;
};

/// One way to a published commit.
struct RecoveryStep {
  enum class Way : std::uint8_t {
    keep,     ///< the link leads to its complete tree
    relink,   ///< its tree is complete, the link has to be made
    rebuild,  ///< its tree has to be written from the packs
  };
  Way way = Way::keep;
  ObjectId commit;
  /// Present when the commit is known to be of the configured source: only then it is reported as published, and only
  /// then links of earlier configurations may go.
  std::optional<Published> published;
  friend bool operator==(const RecoveryStep&, const RecoveryStep&) = default;
};

/// What the configured link is to show until the remote was asked: steps to be tried in order until one succeeds; none
/// when the link has to stay absent. Pure.
///
/// - An intact link of ours wins, unless it is known to show another source.
/// - A lost or damaged one shows the journal's commit of the configured source: of a publish that was interrupted the
///   new commit where its tree is complete, else the old one. Without such a note, what the store's ref had last.
/// - A commit of the configured source that another repository has published at this link stays: it may be newer than
///   all that is noted here.
/// - What is known to be of another source is never put where it was not: it only stays, or is made whole, at a link
///   that leads to it.
[[nodiscard]] std::vector<RecoveryStep> plan_recovery(const RecoveryFacts& facts);

}  // namespace adapter::sync
