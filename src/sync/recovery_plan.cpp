// SPDX-License-Identifier: Apache-2.0
#include "recovery_plan.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {
namespace {

using Way = RecoveryStep::Way;

/// Whose content a link shows.
struct Shown {
  enum class Origin : std::uint8_t { configured, other, unknown } origin = Origin::unknown;
  std::optional<Published> published;  ///< of the configured source
};

/// `facts.link` leads to `commit`.
Shown whose(const RecoveryFacts& facts, const ObjectId& commit) {
  Shown shown;
  const auto note = [&](const Source& source, Published published) {
    if (source == facts.configured) {
      shown.origin = Shown::Origin::configured;
      shown.published = std::move(published);
    } else if (shown.origin == Shown::Origin::unknown) {
      shown.origin = Shown::Origin::other;
    }
  };
  Published bare;  // without settings: the next check looks at it again
  bare.tip = commit;
  bare.commit = commit;
  if (facts.journal != nullptr) {
    for (const FormerLink& former : facts.journal->former_links) {
      if (former.link == facts.link && former.commit == commit && former.source) {
        note(*former.source, bare);
      }
    }
    if (facts.journal->pending && facts.journal->pending->to.commit == commit) {
      note(facts.journal->pending->source, facts.journal->pending->to);
    }
    if (facts.journal->published && facts.journal->published->commit == commit) {
      note(facts.journal->source, *facts.journal->published);
    }
  }
  if (shown.origin != Shown::Origin::configured && facts.kept && facts.kept->commit == commit && facts.kept_source) {
    note(*facts.kept_source, *facts.kept);
  }
  return shown;
}

class Plan {
public:
  explicit Plan(const RecoveryFacts& facts) : facts_(facts) {}

  void add(const ObjectId& commit, Way way, std::optional<Published> published) {
    const bool known =
        std::any_of(steps_.begin(), steps_.end(), [&](const RecoveryStep& step) { return step.commit == commit; });
    if (!known) {
      steps_.push_back(RecoveryStep{way, commit, std::move(published)});
    }
  }

  /// A commit of the configured source for a link that does not lead to it.
  void restore(const Published& published) {
    const bool complete = facts_.found.is_complete(published.commit);
    add(published.commit, complete ? Way::relink : Way::rebuild, published);
  }

  void restore_what_the_journal_names() {
    const SavedState* const journal = facts_.journal;
    if (journal != nullptr && journal->pending && journal->pending->source == facts_.configured &&
        facts_.found.is_complete(journal->pending->to.commit)) {
      restore(journal->pending->to);
    }
    if (journal != nullptr && journal->published && journal->source == facts_.configured) {
      restore(*journal->published);
    }
  }

  void restore_what_is_kept() {
    const SavedState* const journal = facts_.journal;
    const bool refused = journal != nullptr && facts_.kept && journal->refusals.contains(facts_.kept->tip);
    if (facts_.kept && facts_.kept_source == facts_.configured && !refused) {
      restore(*facts_.kept);
    }
  }

  [[nodiscard]] std::vector<RecoveryStep> take() { return std::move(steps_); }

private:
  const RecoveryFacts& facts_;
  std::vector<RecoveryStep> steps_;
};

}  // namespace

std::vector<RecoveryStep> plan_recovery(const RecoveryFacts& facts) {
  Plan plan(facts);
  if (facts.found.link == publish::Standing::LinkState::other && facts.shown_elsewhere == facts.configured) {
    return plan.take();
  }
  const bool intact = facts.found.commit.has_value();
  const std::optional<ObjectId> shown_commit = intact ? facts.found.commit : facts.found.damaged_commit;
  const Way way = intact ? Way::keep : Way::rebuild;
  const Shown shown = shown_commit ? whose(facts, *shown_commit) : Shown();
  if (shown.origin == Shown::Origin::configured) {
    plan.add(*shown_commit, way, shown.published);
    if (intact) {
      return plan.take();
    }
  }
  plan.restore_what_the_journal_names();
  if (!intact || shown.origin == Shown::Origin::other) {
    plan.restore_what_is_kept();  // a tree that no note names may be of a publish whose notes are lost
  }
  if (shown_commit) {
    plan.add(*shown_commit, way, shown.published);
  }
  return plan.take();
}

}  // namespace adapter::sync
