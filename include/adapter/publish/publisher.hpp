// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/policy.hpp"
#include "adapter/publish/doubts.hpp"
#include "adapter/publish/tree_source.hpp"

/// Trees on disk, their durability, and the link that readers follow.
namespace adapter::publish {

struct PublishOptions {
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  Share share = Share::all;
  /// Links of earlier configurations of this repository, relative to data_dir. A tree that one of them leads to is not
  /// removed. One that stands on the new link's way, or below it, is removed right before the link is made.
  std::vector<std::string> former_links{};
  friend bool operator==(const PublishOptions&, const PublishOptions&) = default;
};

/// What recover() must not take for litter.
struct RecoverOptions {
  std::vector<std::string> former_links{};  ///< as of PublishOptions
  std::vector<ObjectId> commits{};          ///< commits that were noted as published or about to be
};

/// What recover() found in the volume: facts only. Which commit a lost link is to show is the caller's decision.
struct Standing {
  enum class LinkState : std::uint8_t {
    absent,  ///< nothing is there, or a former link of this repository that makes way for it
    ours,    ///< into this repository's trees
    other,   ///< into the trees of another repository
  };
  LinkState link = LinkState::absent;
  std::optional<ObjectId> commit;    ///< where our link points, when that tree is complete and untouched
  std::optional<ObjectId> previous;  ///< a second complete tree
  /// Why our link leads to no complete tree: "the tree is missing", "the tree was edited (entries: 3 changed; first:
  /// a/b)".
  std::string damage;
  std::optional<ObjectId> damaged_commit;  ///< where our link points then
  /// All complete and untouched trees: `commit`, then those of RecoverOptions::commits, then the newest others.
  std::vector<ObjectId> complete;
  /// How `commit`'s tree was written. Where the configuration says otherwise by now, publish it again.
  std::optional<SymlinkPolicy> symlinks;
  std::optional<Share> share;
  /// `commit`'s tree was written with Share::group and has another group than the volume hands down now, which this
  /// process may give: a publish writes it anew.
  bool lacks_group = false;

  [[nodiscard]] bool is_complete(const ObjectId& wanted) const {
    return std::find(complete.begin(), complete.end(), wanted) != complete.end();
  }
};

/// What a publish did.
struct PublishResult {
  ObjectId commit;
  std::optional<ObjectId> replaced;  ///< where the link led before, when that is another commit
  std::optional<ObjectId> previous;  ///< the tree published before, when it is complete and untouched
  bool changed = false;              ///< the link moved, or a damaged tree was replaced
  bool reused = false;               ///< the tree was complete on disk already
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> left_out_links;  ///< paths, the first 16
  std::uint64_t left_out_link_count = 0;
};

/// A complete tree between begin() and commit(). Loop thread. When it ends without either it is taken out of use on a
/// worker, and deleted as old trees are. Must not outlive its publisher.
class StagedTree {
public:
  virtual ~StagedTree() = default;
  /// The tree's folder, absolute: a private one (0700) until commit(), or that of the commit where its tree was
  /// complete already.
  [[nodiscard]] virtual const std::filesystem::path& path() const noexcept = 0;
};

/// The name of the commit's tree leads to a place that the volume cannot read, so that no new tree can take it. Class
/// storage; nothing was written. Other commits can be published.
class StuckTree : public Error {
public:
  using Error::Error;
};

/// A commit has no complete tree that a link could be pointed at. Class storage; the link is as before.
class LostTree : public Error {
public:
  using Error::Error;
};

/// Publishes trees of one repository: `directory`/trees/<commit> and data_dir/<link>, in two phases. Loop thread; work
/// runs on workers; calls must not overlap. The protocol, its order of steps and what each crash leaves are in
/// docs/durability.md.
///
/// Invariants: the link is absent or leads to a complete tree, always; a tree bears a commit's name only when it is
/// complete and durable; the tree published before stays until the next publish. Nothing foreign is ever deleted.
class Publisher {
public:
  virtual ~Publisher() = default;

  /// Takes litter of dead runs (staging, temporary links) out of use and looks at link and trees, every file's
  /// recorded size, times and inode included. Writes nothing that it need not: on a read-only volume it answers what
  /// stands there. Of the trees that the link does not lead to, damaged ones and more than two complete ones are taken
  /// out of use unless `options` name them. Storage error when something foreign is at the link's path.
  virtual asio::awaitable<Standing> recover(RecoverOptions options) = 0;

  /// Begins a publish of the tree of `source`: looks at its commit's tree, and unless that is complete, untouched and
  /// written as `options` say, writes one. A second worker helps when one is idle; each uses a reader of its own. Link
  /// and trees stay as they are; on an error own staging is removed. commit(), discard() or the end of the result comes
  /// before the next begin() or recover(), which take what is staged for litter. Errors: policy, limit, storage,
  /// cancelled, and those of `source`.
  virtual asio::awaitable<std::unique_ptr<StagedTree>> begin(std::shared_ptr<const TreeSource> source,
                                                             PublishOptions options) = 0;

  /// Publishes a tree that begin() staged, which is never null: makes it durable, gives it the commit's name, in place
  /// of one that was not as wanted, and points the link at it. On any error the link and the tree it leads to are as
  /// before, and what was staged is removed. Errors: storage, cancelled.
  virtual asio::awaitable<PublishResult> commit(std::unique_ptr<StagedTree> staged) = 0;

  /// Removes what begin() staged. Where that takes longer than a second the rest is deleted with old trees.
  virtual asio::awaitable<void> discard(std::unique_ptr<StagedTree> staged) = 0;

  /// Whether the link still leads to `commit`'s tree: two stats as a rule. Blocking: in a job of its own, which no
  /// other call overlaps. Throws storage when something foreign is at the link's path.
  [[nodiscard]] virtual bool link_is_intact(const ObjectId& commit) = 0;

  /// Points the link at `commit`'s complete tree again (a link somebody removed, or one that was moved); no objects are
  /// needed. Throws LostTree when that tree is not complete. `former_links` as of PublishOptions.
  virtual asio::awaitable<void> relink(ObjectId commit, std::vector<std::string> former_links) = 0;

  /// Removes `link`, a former link of this repository, when it leads into this repository's trees; whatever else is at
  /// that path stays. For a configuration that moved the link: call it once the new one stands. `may_begin` as of
  /// retire_all(); without one it may.
  virtual asio::awaitable<bool> remove_former_link(std::string link, std::function<bool()> may_begin = {}) = 0;

  /// For `prune`: removes the link, and takes everything below `directory` out of use in one step; delete_old_trees()
  /// deletes it. `may_begin` is asked on the worker right before the first change; false: nothing is changed, and the
  /// result is false.
  virtual asio::awaitable<bool> retire_all(std::function<bool()> may_begin) = 0;
};

/// `data_dir` is absolute and exists; `link` is relative and normalised; `directory` is data_dir/.adapter/<name>.
/// `doubts` is one for the whole process; outlives the publisher.
[[nodiscard]] std::unique_ptr<Publisher> make_publisher(async::Workers& workers, std::filesystem::path data_dir,
                                                        std::string name, std::string link, Doubts& doubts);

/// The name of the repository into whose trees data_dir/`link` leads; nullopt for anything else at that path. Blocking;
/// any thread. Storage error when the path cannot be looked at.
[[nodiscard]] std::optional<std::string> owner_of_link(const std::filesystem::path& data_dir, const std::string& link);

/// What is known of the parts of a repository's old trees that cannot be removed, another user's for one.
struct KnownResidue {
  std::uint64_t entries = 0;
  std::set<std::string> stuck;  ///< names of trees that cannot be moved out of the way either
};

/// How far a deletion came.
struct Deletion {
  bool complete = true;        ///< false when it gave up
  bool mostly_looked = false;  ///< it met more that cannot be removed than it removed
};

/// Deletes the trees that recover() and publishes of a repository took out of use, or all volume::retired_repositories,
/// without
/// those that `known` says are stuck, and adds to `known`. Where it gives up the next call begins anew with what is
/// left, so that a caller has to give it more time when it mostly looked. Blocking; any thread, also beside calls of
/// that repository's publisher, but not beside itself or retry_residue of that name: two removals of one directory
/// would stumble over what the other has taken away. Warns of what cannot be removed when nothing was known of it
/// before. Storage error when the volume fails.
[[nodiscard]] Deletion delete_old_trees(const std::filesystem::path& data_dir, const std::string& name,
                                        KnownResidue& known, const std::function<bool()>& give_up);

/// Tries again to remove what could not be removed, which costs a walk through all of it, and counts it anew where it
/// came to its end. Otherwise as delete_old_trees.
[[nodiscard]] Deletion retry_residue(const std::filesystem::path& data_dir, const std::string& name,
                                     KnownResidue& known, const std::function<bool()>& give_up);

}  // namespace adapter::publish
