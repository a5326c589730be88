// SPDX-License-Identifier: Apache-2.0
#include "recovery_plan.hpp"
#include "values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace adapter::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using LinkState = publish::Standing::LinkState;
using Way = RecoveryStep::Way;

const Source configured{"https://git.example.com/public.git", "main"};
const Source other{"https://git.example.com/private.git", "main"};

RecoveryStep step(Way way, char commit) {
  return RecoveryStep{way, id(commit), published(commit)};
}

RecoveryStep stranger(Way way, char commit) {
  return RecoveryStep{way, id(commit), std::nullopt};
}

/// A volume with complete trees, no link and no notes.
struct Case {
  explicit Case(const std::vector<char>& trees = {}) {
    facts.configured = configured;
    facts.link = "docs";
    for (const char tree : trees) {
      facts.found.complete.push_back(id(tree));
    }
  }
  Case& noted(const Source& source, char commit) {
    facts.journal = &journal;
    journal.link = "docs";
    journal.source = source;
    journal.published = published(commit);
    return *this;
  }
  Case& pending(const Source& source, char commit) {
    facts.journal = &journal;
    journal.link = "docs";
    journal.pending = SavedState::Pending{source, published(commit)};
    return *this;
  }
  Case& shows(char commit) {
    facts.found.link = LinkState::ours;
    if (facts.found.is_complete(id(commit))) {
      facts.found.commit = id(commit);
    } else {
      facts.found.damaged_commit = id(commit);
    }
    return *this;
  }
  Case& kept(const std::optional<Source>& source, char commit) {
    facts.kept = published(commit);
    facts.kept_source = source;
    return *this;
  }
  [[nodiscard]] std::vector<RecoveryStep> plan() const { return plan_recovery(facts); }

  SavedState journal;
  RecoveryFacts facts;
};

TEST(PlanRecovery, LeavesACommitOfTheSourceThatAnotherRepositoryPublishedAtTheLink) {
  Case came_back({'1'});
  came_back.noted(configured, '1');
  came_back.facts.found.link = LinkState::other;
  came_back.facts.shown_elsewhere = configured;
  EXPECT_THAT(plan_recovery(came_back.facts), IsEmpty());  // the note may be older than what the link shows
  came_back.facts.shown_elsewhere = other;
  EXPECT_THAT(plan_recovery(came_back.facts), ElementsAre(step(Way::relink, '1')));
  came_back.facts.shown_elsewhere.reset();  // the tree is gone, or nothing is noted about it
  EXPECT_THAT(plan_recovery(came_back.facts), ElementsAre(step(Way::relink, '1')));
}

TEST(RecoveryPlan, AnIntactLinkOfTheConfiguredSourceStays) {
  EXPECT_THAT(Case({'1', '2'}).noted(configured, '1').shows('1').plan(), ElementsAre(step(Way::keep, '1')));
}

TEST(RecoveryPlan, ALostLinkShowsTheNotedCommitAndNotAYoungerTree) {
  EXPECT_THAT(Case({'2', '1'}).noted(configured, '1').plan(), ElementsAre(step(Way::relink, '1')));
  EXPECT_THAT(Case({'2'}).noted(configured, '1').plan(), ElementsAre(step(Way::rebuild, '1')));
}

TEST(RecoveryPlan, ALostLinkOfAnInterruptedPublishShowsTheNewCommitWhereItIsComplete) {
  EXPECT_THAT(Case({'1', '2'}).noted(configured, '1').pending(configured, '2').plan(),
              ElementsAre(step(Way::relink, '2'), step(Way::relink, '1')));
  EXPECT_THAT(Case({'1'}).noted(configured, '1').pending(configured, '2').plan(), ElementsAre(step(Way::relink, '1')));
}

TEST(RecoveryPlan, ALinkThatWasMovedJustBeforeAKillShowsTheNewCommit) {
  EXPECT_THAT(Case({'1', '2'}).noted(other, '1').pending(configured, '2').shows('2').plan(),
              ElementsAre(step(Way::keep, '2')));
}

TEST(RecoveryPlan, ANewLinkOfANewSourceShowsNothingOfTheOldOne) {
  Case moved({'1'});
  moved.noted(other, '1');
  moved.journal.former_links.push_back({"secret", other, id('1')});
  EXPECT_THAT(moved.plan(), IsEmpty());
  EXPECT_THAT(moved.kept(other, '1').plan(), IsEmpty());
  EXPECT_THAT(moved.kept(std::nullopt, '1').plan(), IsEmpty());
}

TEST(RecoveryPlan, ANewLinkOfTheSameSourceShowsTheNotedCommitAtOnce) {
  Case moved({'1'});
  moved.noted(configured, '1');
  moved.journal.former_links.push_back({"old", configured, id('1')});
  EXPECT_THAT(moved.plan(), ElementsAre(step(Way::relink, '1')));
  moved.facts.found.link = LinkState::other;
  EXPECT_THAT(moved.plan(), ElementsAre(step(Way::relink, '1')));
}

TEST(RecoveryPlan, TheTreeOfAnotherSourceStaysWhereItIsAndIsNotReported) {
  EXPECT_THAT(Case({'1'}).noted(other, '1').shows('1').plan(), ElementsAre(stranger(Way::keep, '1')));
  EXPECT_THAT(Case().noted(other, '1').shows('1').plan(), ElementsAre(stranger(Way::rebuild, '1')));
}

TEST(RecoveryPlan, ALinkThatIsConfiguredAgainStillShowsItsSource) {
  Case back({'1', '9'});
  back.noted(other, '9').shows('1');
  back.journal.former_links.push_back({"docs", configured, id('1')});
  const std::vector<RecoveryStep> steps = back.plan();
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps.front().commit, id('1'));
  EXPECT_TRUE(steps.front().published);
}

TEST(RecoveryPlan, AFormerLinkOfAnotherSourceGivesWayToTheNotedCommit) {
  Case back({'1', '9'});
  back.noted(configured, '9').shows('1');
  back.journal.former_links.push_back({"docs", other, id('1')});
  EXPECT_THAT(back.plan(), ElementsAre(step(Way::relink, '9'), stranger(Way::keep, '1')));
}

TEST(RecoveryPlan, WithoutNotesAnIntactLinkStays) {
  EXPECT_THAT(Case({'1', '2'}).shows('1').plan(), ElementsAre(stranger(Way::keep, '1')));
  EXPECT_THAT(Case({'1'}).shows('1').kept(configured, '2').plan(), ElementsAre(stranger(Way::keep, '1')));
  EXPECT_THAT(Case({'1'}).shows('1').kept(configured, '1').plan(), ElementsAre(step(Way::keep, '1')));
}

TEST(RecoveryPlan, WithoutNotesALostLinkShowsOnlyWhatTheStoreKnowsToBeOfTheSource) {
  EXPECT_THAT(Case({'1', '2'}).plan(), IsEmpty());
  EXPECT_THAT(Case({'1', '2'}).kept(configured, '1').plan(), ElementsAre(step(Way::relink, '1')));
  EXPECT_THAT(Case({'2'}).kept(configured, '1').plan(), ElementsAre(step(Way::rebuild, '1')));
  EXPECT_THAT(Case({'1', '2'}).kept(other, '1').plan(), IsEmpty());
}

TEST(RecoveryPlan, AnIntactTreeThatNoNoteNamesGivesWayToTheNotedCommit) {
  EXPECT_THAT(Case({'1', '9'}).noted(configured, '1').shows('9').plan(),
              ElementsAre(step(Way::relink, '1'), stranger(Way::keep, '9')));
  // Another repository or a person moved the link, and the noted tree is lost too: the packs may hold it.
  EXPECT_THAT(Case({'9'}).noted(configured, '1').shows('9').plan(),
              ElementsAre(step(Way::rebuild, '1'), stranger(Way::keep, '9')));
  EXPECT_THAT(Case({'2', '9'}).pending(configured, '2').shows('9').plan(),
              ElementsAre(step(Way::relink, '2'), stranger(Way::keep, '9')));
  EXPECT_THAT(Case({'9'}).pending(configured, '2').shows('9').plan(), ElementsAre(stranger(Way::keep, '9')));
  EXPECT_THAT(Case({'9'}).noted(other, '1').shows('9').plan(), ElementsAre(stranger(Way::keep, '9')));
}

TEST(RecoveryPlan, ARefusedCommitIsNotShown) {
  Case refused;
  refused.kept(configured, '3').noted(configured, '1');
  refused.journal.refusals[id('3')] = Refusal{};
  EXPECT_THAT(refused.plan(), ElementsAre(step(Way::rebuild, '1')));
}

/// Every combination of a link, notes, trees and a store, against the rules one by one.
class AllCases {
public:
  void run() {
    const std::vector<std::optional<Source>> sources{std::nullopt, configured, other};
    for (const char shown : {'-', 'o', '1', '2', '3'}) {
      for (unsigned trees = 0; trees < 8; ++trees) {
        for (const auto& noted : sources) {
          for (const auto& pending : sources) {
            for (const auto& kept : sources) {
              for (const char kept_commit : {'-', '1', '3'}) {
                check(shown, trees, noted, pending, kept, kept_commit);
              }
            }
          }
        }
      }
    }
  }

private:
  void check(char shown, unsigned trees, const std::optional<Source>& noted, const std::optional<Source>& pending,
             const std::optional<Source>& kept, char kept_commit) {
    Case one;
    for (unsigned bit = 0; bit < 3; ++bit) {
      if ((trees >> bit & 1U) != 0) {
        one.facts.found.complete.push_back(id(static_cast<char>('1' + bit)));
      }
    }
    if (noted) {
      one.noted(*noted, '1');
    }
    if (pending) {
      one.pending(*pending, '2');
    }
    if (kept_commit != '-') {
      one.kept(kept, kept_commit);
    }
    if (shown == 'o') {
      one.facts.found.link = LinkState::other;
    } else if (shown != '-') {
      one.shows(shown);
    }
    const std::vector<RecoveryStep> steps = one.plan();
    SCOPED_TRACE(std::string("shown ") + shown + ", trees " + std::to_string(trees) + ", noted " + name(noted) +
                 ", pending " + name(pending) + ", kept " + kept_commit + " of " + name(kept));
    judge(one, shown, noted, pending, kept_commit == '-' ? std::nullopt : kept, kept_commit, steps);
  }

  static std::string name(const std::optional<Source>& source) {
    return !source ? "nobody" : *source == configured ? "configured" : "other";
  }

  static void judge(const Case& one, char shown, const std::optional<Source>& noted,
                    const std::optional<Source>& pending, const std::optional<Source>& kept, char kept_commit,
                    const std::vector<RecoveryStep>& steps) {
    const auto is_ours = [&](const ObjectId& commit) {
      return (noted == configured && commit == id('1')) || (pending == configured && commit == id('2')) ||
             (kept == configured && commit == id(kept_commit));
    };
    const bool ours = shown >= '1' && shown <= '3';
    for (const RecoveryStep& each : steps) {
      const bool stays = ours && each.commit == id(shown);
      EXPECT_TRUE(stays || is_ours(each.commit)) << "something of another source at a link that did not show it";
      EXPECT_EQ(each.way != Way::rebuild, one.facts.found.is_complete(each.commit));
      EXPECT_EQ(each.way == Way::keep, stays && each.way != Way::rebuild);
      EXPECT_TRUE(!each.published || is_ours(each.commit)) << "reported, and not known to be of the source";
    }
    if (ours) {
      EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [&](const auto& each) { return each.commit == id(shown); }))
          << "what a reader sees is given up";
      const bool may_come_back = pending == configured && one.facts.found.is_complete(id('2'));
      if (is_ours(id(shown))) {
        EXPECT_EQ(steps.front().commit, id(shown));
        EXPECT_TRUE(steps.front().published);
      } else if (may_come_back || noted == configured) {
        EXPECT_EQ(steps.front().commit, id(may_come_back ? '2' : '1')) << "the notes name what is to be shown";
      }
      return;
    }
    if (pending == configured && one.facts.found.is_complete(id('2'))) {
      EXPECT_EQ(steps.at(0).commit, id('2'));
    } else if (noted == configured) {
      EXPECT_EQ(steps.at(0).commit, id('1'));
    } else if (kept == configured) {
      EXPECT_EQ(steps.at(0).commit, id(kept_commit));
    } else {
      EXPECT_THAT(steps, IsEmpty());
    }
  }
};

TEST(RecoveryPlan, KeepsTheRulesInEveryCombination) {
  AllCases().run();
}

}  // namespace
}  // namespace adapter::sync
