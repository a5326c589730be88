// SPDX-License-Identifier: Apache-2.0
#include "recovery.hpp"

#include <algorithm>
#include <optional>

#include "adapter/base/error.hpp"
#include "adapter/log/log.hpp"
#include "staging.hpp"

namespace adapter::publish {
namespace {

/// The tree that stands beside the published one.
constexpr std::size_t kept_trees = 2;

bool contains(const std::vector<ObjectId>& commits, const ObjectId& commit) {
  return std::find(commits.begin(), commits.end(), commit) != commits.end();
}

}  // namespace

Standing Recovery::run(Link& link, const std::vector<ObjectId>& noted, const std::stop_token& stop) {
  const LinkView view = former_.look_past(link);
  const std::optional<Trees> trees = Trees::open(data_dir_, name_);
  Standing standing;
  standing.link = view.state == LinkView::State::ours     ? Standing::LinkState::ours
                  : view.state == LinkView::State::former ? Standing::LinkState::other
                                                          : Standing::LinkState::absent;
  if (trees) {
    if (view.commit) {
      look_at_published(*trees, *view.commit, stop, standing);
    }
    look_at_others(*trees, view, noted, stop, standing);
    if (const std::size_t count = trees->set_litter_aside(); count > 0) {
      log::info("litter_swept", "what an interrupted run or a deletion by hand left behind is removed",
                {{"repository", name_}, {"count", count}});
    }
    try {
      trees->make_names_durable_at_start();
    } catch (...) {
      if (standing.commit) {
        doubts_.add(*standing.commit);
      }
      throw;
    }
    if (view.state == LinkView::State::ours) {  // a former link may stand where the way to an absent one has to be
      link.make_durable_at_start(trees->own_folder(), standing.commit, stop);
    }
  }
  if (view.state == LinkView::State::ours && !standing.commit && standing.damage.empty()) {
    standing.damage = view.commit ? Trees::absence(data_dir_, name_, *view.commit) : "the link leads to no tree";
    standing.damaged_commit = view.commit;
  }
  return standing;
}

void Recovery::look_at_published(const Trees& trees, const ObjectId& commit, const std::stop_token& stop,
                                 Standing& standing) {
  const TreeCheck found = doubts_.check(trees, commit, crew_, stop);
  if (found.manifest) {
    standing.commit = commit;
    standing.complete.push_back(commit);
    standing.symlinks = found.manifest->symlinks;
    standing.share = found.manifest->share;
    standing.lacks_group = has_wrong_group(trees, commit, found.manifest->share);
  } else {
    standing.damage = found.damage;
    standing.damaged_commit = commit;
  }
}

void Recovery::look_at_others(const Trees& trees, const LinkView& view, const std::vector<ObjectId>& noted,
                              const std::stop_token& stop, Standing& standing) {
  const std::vector<ObjectId> shown = former_.shown_commits();
  const auto is_noted = [&](const ObjectId& commit) { return contains(noted, commit) || contains(shown, commit); };
  std::vector<ObjectId> others = trees.commits();
  std::erase_if(others, [&](const ObjectId& commit) { return commit == view.commit; });
  const auto unnoted = std::stable_partition(others.begin(), others.end(), is_noted);
  const auto noted_count = static_cast<std::size_t>(unnoted - others.begin());
  const std::size_t wanted = std::max(noted_count, view.commit ? kept_trees - 1 : kept_trees);
  const std::vector<ObjectId> found = complete_ones(trees, others, wanted, stop);
  standing.complete.insert(standing.complete.end(), found.begin(), found.end());
  for (const ObjectId& commit : standing.complete) {
    if (commit != view.commit && !standing.previous) {
      standing.previous = commit;
    }
  }
  for (const ObjectId& commit : others) {
    if (!standing.is_complete(commit) && !is_noted(commit)) {
      try_set_aside(trees, commit);
    }
  }
}

/// Takes from `commits` those that could not be looked at now: they are neither complete nor to be removed.
std::vector<ObjectId> Recovery::complete_ones(const Trees& trees, std::vector<ObjectId>& commits, std::size_t wanted,
                                              const std::stop_token& stop) {
  std::vector<ObjectId> complete;
  std::vector<ObjectId> seen;
  for (const ObjectId& commit : commits) {
    try {
      const TreeCheck found = complete.size() < wanted ? doubts_.check(trees, commit, crew_, stop) : TreeCheck{};
      if (found.is_unreadable) {
        throw Error(ErrorClass::storage, found.damage);
      }
      if (found.manifest) {
        complete.push_back(commit);
      }
      seen.push_back(commit);
    } catch (const Error& error) {
      if (error.error_class() != ErrorClass::storage) {
        throw;
      }
      log::warning("tree_unreadable", "a tree beside the published one could not be looked at",
                   {{"repository", name_}, {"commit", commit}, {"error", error.text()}});
    }
  }
  commits = std::move(seen);
  return complete;
}

/// A read-only volume must not keep us from saying what stands there.
void Recovery::try_set_aside(const Trees& trees, const ObjectId& commit) const {
  try {
    trees.set_aside(commit);
  } catch (const Error& error) {
    log::warning("sweep_failed", "a tree that is no longer needed could not be removed",
                 {{"repository", name_}, {"error", error.text()}});
  }
}

}  // namespace adapter::publish
