// SPDX-License-Identifier: Apache-2.0
// Random lives of one repository's volume: configurations that change, publishes that are killed between any two steps,
// links, trees and notes that are lost. A model of its own says what each link may show.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "recovery_plan.hpp"

namespace adapter::sync {
namespace {

using Way = RecoveryStep::Way;

class Life {
public:
  explicit Life(std::uint_fast32_t seed) : random_(seed) { configure(); }

  void run(int steps) {
    start();
    for (int i = 0; i < steps; ++i) {
      const unsigned kind = draw(10);
      if (kind < 4) {
        publish(draw(8));
      } else if (kind < 6) {
        configure();
        start();
      } else {
        lose(kind);
        start();
      }
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }

private:
  unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

  static Published published(const ObjectId& commit) { return Published{"r", commit, commit, "v1"}; }

  void configure() {
    source_ = Source{std::string("https://git.example.com/") + static_cast<char>('a' + draw(3)), "main"};
    link_ = std::string("link") + static_cast<char>('0' + draw(3));
  }

  ObjectId new_commit() {
    std::string hex = std::to_string(++commits_);
    hex.insert(0, ObjectId::hex_size - hex.size(), '0');
    const ObjectId commit = *ObjectId::from_hex(hex);
    of_[commit] = source_;
    return commit;
  }

  /// A commit was verified; the daemon is killed after `steps` steps of its publish. Eight: not killed.
  void publish(unsigned steps) {
    const ObjectId commit =
        draw(3) == 0 && last_verified_ && of_[*last_verified_] == source_ ? *last_verified_ : new_commit();
    verified_[source_.url].insert(commit);
    last_verified_ = commit;
    kept_ = published(commit);
    kept_source_ = source_;
    memory_.begin_publish(source_, published(commit));
    if (steps == 0) {
      return crash();
    }
    disk_ = memory_;
    if (steps == 1) {
      return crash();
    }
    trees_.insert(commit);
    if (steps == 2) {
      return crash();
    }
    links_[link_] = commit;
    if (steps == 3) {
      return crash();
    }
    memory_.note_published(source_, published(commit));
    if (steps == 4) {
      return crash();
    }
    disk_ = memory_;
    remove_former_links();
  }

  void crash() { start(); }

  void remove_former_links() {
    for (const std::string& link : memory_.links_to_remove()) {
      links_.erase(link);
      memory_.forget_former_link(link);
    }
    disk_ = memory_;
  }

  void lose(unsigned kind) {
    if (kind == 6 && !links_.empty()) {
      links_.erase(std::next(links_.begin(), draw(static_cast<unsigned>(links_.size()))));
    } else if (kind == 7 && !trees_.empty()) {
      trees_.erase(std::next(trees_.begin(), draw(static_cast<unsigned>(trees_.size()))));
    } else if (kind == 8) {
      disk_.reset();
    } else if (draw(4) == 0) {
      kept_.reset();
      kept_source_.reset();
    }
  }

  /// What a start does, with the network down.
  void start() {
    const std::map<std::string, ObjectId> before = links_;
    const bool noted = disk_.has_value();
    memory_ = disk_.value_or(SavedState{});
    if (memory_.configure(link_) && noted) {
      disk_ = memory_;
    }
    RecoveryFacts facts;
    facts.configured = source_;
    facts.link = link_;
    facts.journal = &memory_;
    facts.kept = kept_;
    facts.kept_source = kept_source_;
    facts.found.complete.assign(trees_.begin(), trees_.end());
    if (const auto shown = links_.find(link_); shown != links_.end()) {
      facts.found.link = publish::Standing::LinkState::ours;
      (trees_.contains(shown->second) ? facts.found.commit : facts.found.damaged_commit) = shown->second;
    }
    for (const RecoveryStep& step : plan_recovery(facts)) {
      if (step.way == Way::rebuild && draw(3) == 0) {
        continue;  // the packs do not hold it
      }
      take(step);
      break;
    }
    judge(before);
  }

  void take(const RecoveryStep& step) {
    trees_.insert(step.commit);
    links_[link_] = step.commit;
    memory_.settle_pending(step.commit);
    if (step.published) {
      EXPECT_EQ(of_[step.commit], source_) << "another source's commit is reported";
      memory_.note_published(source_, *step.published);
      disk_ = memory_;
      remove_former_links();
    }
  }

  void judge(const std::map<std::string, ObjectId>& before) const {
    for (const auto& [link, commit] : links_) {
      const auto was = before.find(link);
      const bool stayed = was != before.end() && was->second == commit;
      EXPECT_TRUE(stayed || of_.at(commit) == source_) << link << " shows another source's commit since this start";
      EXPECT_TRUE(stayed || verified_.at(source_.url).contains(commit));
    }
    const auto was = before.find(link_);
    if (was != before.end()) {
      EXPECT_TRUE(links_.contains(link_)) << "the configured link is gone";
    }
    const bool shows_source = links_.contains(link_) && of_.at(links_.at(link_)) == source_;
    for (const auto& [link, commit] : before) {
      EXPECT_TRUE(links_.contains(link) || shows_source) << link << " went before the new source's commit was there";
    }
  }

  std::mt19937 random_;
  Source source_;
  std::string link_;
  std::optional<SavedState> disk_;
  SavedState memory_;
  std::map<std::string, ObjectId> links_;
  std::set<ObjectId> trees_;
  std::optional<Published> kept_;
  std::optional<Source> kept_source_;

  // What the model alone knows.
  unsigned commits_ = 0;
  std::map<ObjectId, Source> of_;
  std::map<std::string, std::set<ObjectId>> verified_;
  std::optional<ObjectId> last_verified_;
};

TEST(RecoveryModel, NoLinkShowsAnotherSourcesContentWhereItWasNot) {
  const char* const given = std::getenv("ADAPTER_TEST_SEED");
  const auto first = given != nullptr ? static_cast<std::uint_fast32_t>(std::strtoul(given, nullptr, 10))
                                      : std::random_device()() % 1'000'000'000U;
  for (std::uint_fast32_t seed = first; seed < first + 1'000 && !HasFailure(); ++seed) {
    SCOPED_TRACE("ADAPTER_TEST_SEED=" + std::to_string(seed));
    Life(seed).run(60);
  }
}

}  // namespace
}  // namespace adapter::sync
