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
#include "recovery.hpp"
#include "residue.hpp"
#include "staged_tree.hpp"
#include "staging.hpp"
#include "tree_doubts.hpp"
#include "trees.hpp"

namespace adapter::publish {
namespace {

/// Helpers beside the job's own thread.
constexpr std::size_t helpers = 1;

/// The coroutines only move the work to a worker; each `…_now` is one job, straight down.
class DiskPublisher final : public Publisher {
public:
  DiskPublisher(async::Workers& workers, std::filesystem::path data_dir, std::string name, std::string link,
                Doubts& doubts)
      : workers_(workers),
        data_dir_(std::move(data_dir)),
        name_(std::move(name)),
        doubts_(&doubts),
        tree_doubts_(name_, doubts),
        link_(data_dir_, name_, std::move(link), doubts) {}

  asio::awaitable<Standing> recover(RecoverOptions options) override {
    auto job = [this, options = std::move(options)](const std::stop_token& stop) {
      const FormerLinks links = former(options.former_links);
      return Recovery(data_dir_, name_, tree_doubts_, links, crew()).run(link_, options.commits, stop);
    };
    Standing standing = co_await async::run_blocking(workers_, std::move(job), "look at what was published");
    co_return standing;
  }

  asio::awaitable<std::unique_ptr<StagedTree>> begin(std::shared_ptr<const TreeSource> source,
                                                     PublishOptions options) override {
    auto job = [this, source = std::move(source), options = std::move(options)](const std::stop_token& stop) mutable {
      return begin_now(*source, std::move(options), stop);
    };
    std::unique_ptr<StagedTree> staged = co_await async::run_blocking(workers_, std::move(job), "write the tree");
    co_return std::move(staged);
  }

  asio::awaitable<PublishResult> commit(std::unique_ptr<StagedTree> staged) override {
    auto job = [this, tree = take(std::move(staged))](const std::stop_token& stop) mutable {
      const std::unique_ptr<PreparedTree> ends_with_the_job = std::move(tree);
      return commit_now(*ends_with_the_job, stop);
    };
    PublishResult result = co_await async::run_blocking(workers_, std::move(job), "publish the tree");
    co_return std::move(result);
  }

  asio::awaitable<void> discard(std::unique_ptr<StagedTree> staged) override {
    auto job = [tree = take(std::move(staged))](const std::stop_token&) mutable { tree.reset(); };
    co_await async::run_blocking(workers_, std::move(job), "discard a tree");
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
  [[nodiscard]] Crew crew() const { return {workers_, helpers}; }
  static std::unique_ptr<PreparedTree> take(std::unique_ptr<StagedTree> staged) {
    return dynamic_cast<DiskStagedTree&>(*staged).take();
  }

  std::unique_ptr<StagedTree> begin_now(const TreeSource& source, PublishOptions options, const std::stop_token& stop) {
    static_cast<void>(former(options.former_links).look_past(link_));  // something foreign there is an error
    Trees trees = Trees::make(data_dir_, name_, !directories_synced_);
    directories_synced_ = true;
    trees.set_litter_aside();
    auto tree = std::make_unique<PreparedTree>(std::move(trees), source.commit(), std::move(options));
    provide_tree(*tree, source, stop);
    const std::filesystem::path path =
        data_dir_ / volume::trees_path(name_) / (tree->staging ? tree->staging->name() : tree->commit.to_hex());
    return std::make_unique<DiskStagedTree>(workers_, path, std::move(tree));
  }

  /// The commit's own tree where it is as wanted, else a new one in a staging folder.
  void provide_tree(PreparedTree& tree, const TreeSource& source, const std::stop_token& stop) const {
    Crew writers = crew();
    TreeCheck found = tree_doubts_.check(tree.trees, tree.commit, writers, stop);
    const Share share = tree.options.share;
    const bool is_wanted =
        found.manifest && found.manifest->share == share && found.manifest->symlinks == tree.options.symlinks;
    if (is_wanted && !(has_wrong_group(tree.trees, tree.commit, share) && Staging(tree.trees, share).has_group())) {
      tree.manifest = std::move(*found.manifest);
      return;
    }
    tree.trees.require_replaceable(tree.commit);
    if (found.there && !found.manifest) {
      log::warning("tree_damaged", "a published tree is not as it was written and is written anew",
                   {{"repository", name_}, {"commit", tree.commit}, {"damage", found.damage}});
    }
    const Staging& staging = tree.staging.emplace(tree.trees, share);
    tree.manifest = materialise(staging.fd(), source, tree.options, writers, stop);
  }

  PublishResult commit_now(PreparedTree& tree, const std::stop_token& stop) {
    const std::vector<std::string>& former_links = tree.options.former_links;
    const LinkView before = former(former_links).look_past(link_);
    throw_if_stopped(stop, "publishing");
    make_durable(tree);
    point_link(tree.trees, tree.commit, before, former_links, stop);
    PublishResult result;
    result.commit = tree.commit;
    result.reused = !tree.staging;
    result.changed = !result.reused || before.commit != tree.commit;
    if (before.commit != tree.commit) {
      result.replaced = before.commit;
    }
    result.files = tree.manifest.files;
    result.bytes = tree.manifest.bytes;
    result.left_out_links = std::move(tree.manifest.left_out_links);
    result.left_out_link_count = tree.manifest.left_out_link_count;
    result.previous = retire_trees(tree.trees, tree.commit, before.commit, former_links, stop);
    return result;
  }

  /// Leaves a complete, durable tree under the commit's name.
  void make_durable(PreparedTree& tree) const {
    tree_doubts_.during(tree.commit, [&tree] {
      if (tree.staging) {
        tree.staging->keep(tree.commit, tree.manifest);
      } else {
        tree.trees.make_names_durable(tree.commit);
      }
    });
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

  /// After the flip: the tree that was published before stays, and what former links lead to; all others go. What fails
  /// here does not undo the publish.
  std::optional<ObjectId> retire_trees(const Trees& trees, const ObjectId& commit,
                                       const std::optional<ObjectId>& before,
                                       const std::vector<std::string>& former_links,
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
        if (std::find(shown.begin(), shown.end(), others[i]) == shown.end()) {
          trees.set_aside(others[i]);
        }
      }
      if (!others.empty()) {
        return checked_previous(trees, others.front(), others.front() == before, stop);
      }
    } catch (const Error& error) {
      if (!stop.stop_requested()) {
        log::warning("sweep_failed", "trees that are no longer needed could not be removed; it is tried again later",
                     {{"repository", name_}, {"error", error.text()}});
      }
    }
    return std::nullopt;
  }

  std::optional<ObjectId> checked_previous(const Trees& trees, const ObjectId& commit, bool was_shown,
                                           const std::stop_token& stop) const {
    Crew readers = crew();
    const TreeCheck found = trees.check(commit, readers, stop);
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
    TreeCheck found;
    found.damage = "the tree is missing";
    if (trees) {
      Crew readers = crew();
      found = tree_doubts_.check(*trees, commit, readers, stop);
    }
    if (!found.manifest) {
      throw LostTree(ErrorClass::storage, "cannot point the link " + escape(link_.path()) + " at commit " +
                                              commit.to_hex() + ": " + found.damage + "; it has to be published again");
    }
    tree_doubts_.during(commit, [&] { trees->make_names_durable(commit); });
    point_link(*trees, commit, before, former_links, stop);
  }

  /// Renames to trash first, so that an interruption leaves no partial repository. False: nothing was changed.
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
  TreeDoubts tree_doubts_;
  Link link_;
  bool directories_synced_ = false;  ///< by this object; see Trees::make
};

}  // namespace

std::unique_ptr<Publisher> make_publisher(async::Workers& workers, std::filesystem::path data_dir, std::string name,
                                          std::string link, Doubts& doubts) {
  return std::make_unique<DiskPublisher>(workers, std::move(data_dir), std::move(name), std::move(link), doubts);
}

}  // namespace adapter::publish
