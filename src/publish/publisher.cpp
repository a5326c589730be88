// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/publisher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "adapter/base/stop.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "crew.hpp"
#include "folder.hpp"
#include "former_links.hpp"
#include "link.hpp"
#include "materialise.hpp"
#include "residue.hpp"
#include "staging.hpp"
#include "trees.hpp"

namespace adapter::publish {
namespace {

/// Helpers beside the job's own thread.
constexpr std::size_t helpers = 1;

/// The tree that stands beside the published one.
constexpr std::size_t kept_trees = 2;

/// The damage of a tree that looks complete, and whose last sync failed.
constexpr const char* not_stored = "the volume failed to make the tree durable";

bool contains(const std::vector<ObjectId>& commits, const ObjectId& commit) {
  return std::find(commits.begin(), commits.end(), commit) != commits.end();
}

/// The coroutines only move the work to a worker; each `…_now` is one job, straight down.
class DiskPublisher final : public Publisher {
public:
  DiskPublisher(async::Workers& workers, std::filesystem::path data_dir, std::string name, std::string link,
                Doubts& doubts)
      : workers_(workers),
        data_dir_(std::move(data_dir)),
        name_(std::move(name)),
        doubts_(&doubts),
        link_(data_dir_, name_, std::move(link), doubts) {}

  asio::awaitable<Standing> recover(RecoverOptions options) override {
    auto job = [this, options = std::move(options)](const std::stop_token& stop) { return recover_now(options, stop); };
    Standing standing = co_await async::run_blocking(workers_, std::move(job), "look at what was published");
    co_return standing;
  }

  asio::awaitable<Outcome> publish(std::shared_ptr<const TreeSource> source, PublishOptions options) override {
    auto job = [this, source = std::move(source), options = std::move(options)](const std::stop_token& stop) {
      return publish_now(*source, options, stop);
    };
    Outcome outcome = co_await async::run_blocking(workers_, std::move(job), "write the tree");
    co_return outcome;
  }

  [[nodiscard]] bool link_is_intact(const ObjectId& commit) override {
    if (link_.leads_to(commit)) {
      return true;
    }
    static_cast<void>(link_.look_for_ours());  // something foreign there is an error, with words for it
    return false;
  }

  asio::awaitable<void> relink(ObjectId commit, std::vector<std::string> former_links) override {
    auto job = [this, commit, former = std::move(former_links)](const std::stop_token& stop) {
      relink_now(commit, former, stop);
    };
    co_await async::run_blocking(workers_, std::move(job), "point the link at a tree");
  }

  asio::awaitable<bool> remove_former_link(std::string link, std::function<bool()> may_begin) override {
    auto job = [former = Link(data_dir_, name_, std::move(link), *doubts_), may_begin = std::move(may_begin)](
                   const std::stop_token& stop) { return former.remove(may_begin, stop); };
    const bool removed =
        co_await async::run_blocking(workers_, std::move(job), "remove a former link", async::Lane::quick);
    co_return removed;
  }

  asio::awaitable<bool> retire_all(std::function<bool()> may_begin) override {
    auto job = [this, may_begin = std::move(may_begin)](const std::stop_token& stop) {
      return retire_all_now(may_begin, stop);
    };
    const bool retired = co_await async::run_blocking(workers_, std::move(job), "retire the repository");
    co_return retired;
  }

private:
  [[nodiscard]] FormerLinks former(const std::vector<std::string>& links) const {
    return {data_dir_, name_, links, *doubts_};
  }
  /// Of a tree whose last sync failed, and whose record may be there nevertheless.
  [[nodiscard]] std::string tree_path(const ObjectId& commit) const { return volume::tree_path(name_, commit); }
  [[nodiscard]] bool is_in_doubt(const ObjectId& commit) const { return doubts_->has(tree_path(commit)); }

  /// One in doubt is damaged.
  [[nodiscard]] TreeCheck check(const Trees& trees, const ObjectId& commit, Crew& crew,
                                const std::stop_token& stop) const {
    TreeCheck check = trees.check(commit, crew, stop);
    if (is_in_doubt(commit)) {
      check.manifest.reset();
      check.damage = not_stored;
    }
    return check;
  }

  Standing recover_now(const RecoverOptions& options, const std::stop_token& stop) {
    const LinkView view = former(options.former_links).look_past(link_);
    const std::optional<Trees> trees = Trees::open(data_dir_, name_);
    Standing standing;
    standing.link = view.state == LinkView::State::ours     ? Standing::LinkState::ours
                    : view.state == LinkView::State::former ? Standing::LinkState::other
                                                            : Standing::LinkState::absent;
    if (trees) {
      look_at_trees(*trees, view, options, stop, standing);
      if (const std::size_t count = trees->set_litter_aside(); count > 0) {
        log::info("litter_swept", "what an interrupted run or a deletion by hand left behind is removed",
                  {{"repository", name_}, {"count", count}});
      }
      try {
        trees->make_names_durable_at_start();
      } catch (...) {
        if (standing.commit) {
          doubts_->add(tree_path(*standing.commit));
        }
        throw;
      }
      if (view.state == LinkView::State::ours) {  // a former link may stand where the way to an absent one has to be
        link_.make_durable_at_start(trees->own_folder(), standing.commit, stop);
      }
    }
    if (view.state == LinkView::State::ours && !standing.commit && standing.damage.empty()) {
      standing.damage = view.commit ? Trees::absence(data_dir_, name_, *view.commit) : "the link leads to no tree";
      standing.damaged_commit = view.commit;
    }
    return standing;
  }

  void look_at_trees(const Trees& trees, const LinkView& view, const RecoverOptions& options,
                     const std::stop_token& stop, Standing& standing) const {
    Crew crew(workers_, helpers);
    if (view.commit) {
      const TreeCheck found = check(trees, *view.commit, crew, stop);
      if (found.manifest) {
        standing.commit = view.commit;
        standing.complete.push_back(*view.commit);
        standing.symlinks = found.manifest->symlinks;
        standing.share = found.manifest->share;
        standing.lacks_group = has_wrong_group(trees, *view.commit, found.manifest->share);
      } else {
        standing.damage = found.damage;
        standing.damaged_commit = view.commit;
      }
    }
    const std::vector<ObjectId> shown = former(options.former_links).shown_commits();
    const auto is_noted = [&](const ObjectId& commit) {
      return contains(options.commits, commit) || contains(shown, commit);
    };
    std::vector<ObjectId> others = trees.commits();
    std::erase_if(others, [&](const ObjectId& commit) { return commit == view.commit; });
    const auto unnoted = std::stable_partition(others.begin(), others.end(), is_noted);
    const auto noted = static_cast<std::size_t>(unnoted - others.begin());
    const std::size_t wanted = std::max(noted, view.commit ? kept_trees - 1 : kept_trees);
    const std::vector<ObjectId> found = complete_ones(trees, others, wanted, crew, stop);
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
  [[nodiscard]] std::vector<ObjectId> complete_ones(const Trees& trees, std::vector<ObjectId>& commits,
                                                    std::size_t wanted, Crew& crew, const std::stop_token& stop) const {
    std::vector<ObjectId> complete;
    std::vector<ObjectId> seen;
    for (const ObjectId& commit : commits) {
      try {
        const TreeCheck found = complete.size() < wanted ? check(trees, commit, crew, stop) : TreeCheck{};
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
  void try_set_aside(const Trees& trees, const ObjectId& commit) const {
    try {
      trees.set_aside(commit);
    } catch (const Error& error) {
      log::warning("sweep_failed", "a tree that is no longer needed could not be removed",
                   {{"repository", name_}, {"error", error.text()}});
    }
  }

  Outcome publish_now(const TreeSource& source, const PublishOptions& options, const std::stop_token& stop) {
    const ObjectId& commit = source.commit();
    const LinkView before = former(options.former_links).look_past(link_);
    const Trees trees = Trees::make(data_dir_, name_, !directories_synced_);
    directories_synced_ = true;
    trees.set_litter_aside();
    Crew crew(workers_, helpers);
    Outcome outcome;
    outcome.commit = commit;
    const Manifest manifest = provide_tree(trees, source, options, crew, stop, outcome);
    outcome.files = manifest.files;
    outcome.bytes = manifest.bytes;
    outcome.left_out_links = manifest.left_out_links;
    outcome.left_out_link_count = manifest.left_out_link_count;
    point_link(trees, commit, before, options.former_links, stop);
    if (before.commit != commit) {
      outcome.replaced = before.commit;
      outcome.changed = true;
    }
    outcome.previous = retire_trees(trees, commit, before.commit, options.former_links, crew, stop);
    return outcome;
  }

  /// One that leads there already is made durable: the attempt that moved it may have failed just then.
  void point_link(const Trees& trees, const ObjectId& commit, const LinkView& before,
                  const std::vector<std::string>& former_links, const std::stop_token& stop) {
    if (before.commit == commit) {
      link_.make_durable(trees.own_folder(), commit, stop);
      return;
    }
    throw_if_stopped(stop, "publishing");  // a reload may have given the link to another repository
    former(former_links).make_way_for(link_, stop);
    link_.point_at(trees.own_folder(), commit, stop);
  }

  /// Leaves a complete, durable tree under the commit's name.
  Manifest provide_tree(const Trees& trees, const TreeSource& source, const PublishOptions& options, Crew& crew,
                        const std::stop_token& stop, Outcome& outcome) {
    const ObjectId& commit = source.commit();
    TreeCheck found = check(trees, commit, crew, stop);
    const bool is_wanted =
        found.manifest && found.manifest->share == options.share && found.manifest->symlinks == options.symlinks;
    if (is_wanted && !(has_wrong_group(trees, commit, options.share) && Staging(trees, options.share).has_group())) {
      prove(trees, commit);
      outcome.reused = true;
      return std::move(*found.manifest);
    }
    trees.require_replaceable(commit);
    if (found.there && !found.manifest) {
      log::warning("tree_damaged", "a published tree is not as it was written and is written anew",
                   {{"repository", name_}, {"commit", commit}, {"damage", found.damage}});
    }
    Staging staging(trees, options.share);
    Manifest manifest = materialise(staging.fd(), source, options, crew, stop);
    throw_if_stopped(stop, "publishing");
    doubts_->add(tree_path(commit));
    staging.keep(commit, manifest);
    doubts_->remove(tree_path(commit));
    outcome.changed = true;
    return manifest;
  }

  /// Makes the names of `commit`'s tree and record durable, or remembers that they may not be.
  void prove(const Trees& trees, const ObjectId& commit) {
    doubts_->add(tree_path(commit));
    trees.make_names_durable(commit);
    doubts_->remove(tree_path(commit));
  }

  /// After the flip: the tree that was published before stays, and what former links lead to; all others go. What fails
  /// here does not undo the publish.
  std::optional<ObjectId> retire_trees(const Trees& trees, const ObjectId& commit,
                                       const std::optional<ObjectId>& before,
                                       const std::vector<std::string>& former_links, Crew& crew,
                                       const std::stop_token& stop) const {
    try {
      const std::vector<ObjectId> shown = former(former_links).shown_commits();
      std::vector<ObjectId> others = trees.commits();
      std::erase(others, commit);
      const auto last = std::find(others.begin(), others.end(), before.value_or(commit));
      if (last != others.end()) {
        std::rotate(others.begin(), last, last + 1);
      }
      for (std::size_t i = 1; i < others.size(); ++i) {
        if (!contains(shown, others[i])) {
          trees.set_aside(others[i]);
        }
      }
      if (!others.empty()) {
        return checked_previous(trees, others.front(), others.front() == before, crew, stop);
      }
    } catch (const Error& error) {
      if (!stop.stop_requested()) {
        log::warning("sweep_failed", "trees that are no longer needed could not be removed; it is tried again later",
                     {{"repository", name_}, {"error", error.text()}});
      }
    }
    return std::nullopt;
  }

  std::optional<ObjectId> checked_previous(const Trees& trees, const ObjectId& commit, bool was_shown, Crew& crew,
                                           const std::stop_token& stop) const {
    const TreeCheck found = trees.check(commit, crew, stop);
    if (found.manifest) {
      return commit;
    }
    if (was_shown && found.there) {
      log::info("edits_replaced", "the tree that the new one replaced had been changed since it was written",
                {{"repository", name_}, {"commit", commit}, {"damage", found.damage}});
    }
    return std::nullopt;
  }

  void relink_now(const ObjectId& commit, const std::vector<std::string>& former_links, const std::stop_token& stop) {
    const LinkView before = former(former_links).look_past(link_);
    const std::optional<Trees> trees = Trees::open(data_dir_, name_);
    Crew crew(workers_, helpers);
    TreeCheck found;
    found.damage = "the tree is missing";
    if (trees) {
      found = check(*trees, commit, crew, stop);
    }
    if (!found.manifest) {
      throw LostTree(ErrorClass::storage, "cannot point the link " + escape(link_.path()) + " at commit " +
                                              commit.to_hex() + ": " + found.damage + "; it has to be published again");
    }
    prove(*trees, commit);
    point_link(*trees, commit, before, former_links, stop);
  }

  /// In one step nothing is left that looks like a repository, whenever the rest is interrupted. False: nothing was
  /// changed.
  bool retire_all_now(const std::function<bool()>& may_begin, const std::stop_token& stop) const {
    if (!link_.remove(may_begin, stop)) {
      return false;
    }
    const UniqueFd data = open_data_dir(data_dir_);
    const UniqueFd all = open_if_there(data.get(), volume::own_directory);
    if (!all) {
      return true;
    }
    const std::string gone = unique_name(volume::trash_prefix);
    if (renameat(all.get(), name_.c_str(), all.get(), gone.c_str()) != 0) {
      if (errno == ENOENT) {
        return true;
      }
      throw volume_error(errno, "remove", name_);
    }
    fsync_folder(all.get(), name_);
    Residue(data_dir_, name_).hand_over();
    return true;
  }

  async::Workers& workers_;
  std::filesystem::path data_dir_;
  std::string name_;
  Doubts* doubts_;
  Link link_;
  bool directories_synced_ = false;  ///< by this object; see Trees::make
};

}  // namespace

std::unique_ptr<Publisher> make_publisher(async::Workers& workers, std::filesystem::path data_dir, std::string name,
                                          std::string link, Doubts& doubts) {
  return std::make_unique<DiskPublisher>(workers, std::move(data_dir), std::move(name), std::move(link), doubts);
}

}  // namespace adapter::publish
