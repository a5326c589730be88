// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/publish/doubts.hpp"

namespace adapter::publish {

/// What the link "a/b" of repository `name` holds before the commit's id: "../.adapter/<name>/trees/".
[[nodiscard]] std::string link_prefix(std::string_view link, std::string_view name);

/// What is at the link's path.
struct LinkView {
  enum class State : std::uint8_t {
    absent,
    ours,
    former,  ///< into the trees of another repository: an earlier configuration had another name at this path
    foreign,
  };
  State state = State::absent;
  std::optional<ObjectId> commit;  ///< where it points, when it is ours and names a commit
  std::string what;                ///< of a foreign thing: "a folder", "a symbolic link to x"
};

/// The link that readers follow: data_dir/<link>. Blocking. It is ours when it is a symbolic link straight into our
/// trees. One to a commit's tree of another repository is replaced, never removed: no two repositories of a
/// configuration have the same link. Whatever else is there is foreign, never replaced and never removed.
class Link {
public:
  /// `doubts` outlives it; it knows whether the last sync of the link's directory failed.
  Link(std::filesystem::path data_dir, const std::string& name, std::string link, Doubts& doubts);

  /// Storage error when a folder on the way to it is something else. Makes nothing.
  [[nodiscard]] LinkView look() const;
  /// As look(), and a storage error when something foreign is there.
  [[nodiscard]] LinkView look_for_ours() const;

  /// Whether it is ours; false where the way to it is not one of folders. `shows()`: the commit that it names then.
  [[nodiscard]] bool is_ours() const;
  [[nodiscard]] std::optional<ObjectId> shows() const;

  /// Whether it is ours and leads to `commit`'s tree, which is there. For every check: two stats of a link that was
  /// read before and has not changed since. Not for several threads.
  [[nodiscard]] bool leads_to(const ObjectId& commit);

  /// Points it at `commit`'s tree, atomically and durably; makes the folders on the way. `own_folder` is
  /// .adapter/<name>, where the new link waits under a unique name until it is moved over the old one. After a stop the
  /// link is not moved (cancelled): a reload may have given it to another repository.
  void point_at(int own_folder, const ObjectId& commit, const std::stop_token& stop);

  /// Makes a link that leads to `commit` already durable: the run before may have been killed between moving and
  /// syncing it. After a failed sync, here or in point_at(), the pages that it left prove nothing: then this makes a
  /// new link.
  void make_durable(int own_folder, const ObjectId& commit, const std::stop_token& stop);
  /// The same at a start, where nothing is to be published yet. A read-only volume is no error.
  void make_durable_at_start(int own_folder, const std::optional<ObjectId>& commit, const std::stop_token& stop);

  /// Removes it when it is ours, and then the folders on the way that the adapter made and that this leaves empty: they
  /// may lie where another link belongs. Goes on with the folders when the link is gone already. `may_begin` is asked
  /// right before the first change; false: nothing is changed, and the result is false. Without one it may.
  bool remove(const std::function<bool()>& may_begin, const std::stop_token& stop) const;

  [[nodiscard]] std::string path() const { return path_.native(); }
  [[nodiscard]] const std::string& relative() const noexcept { return link_; }

private:
  [[nodiscard]] LinkView look_on_plain_way() const;
  void sync_names(int parent, int own_folder);
  [[nodiscard]] UniqueFd open_parent(bool make, bool sync) const;
  [[nodiscard]] LinkView look_at(int parent) const;
  [[nodiscard]] bool reads(const std::string& wanted) const;
  void remove_empty_parents(int data) const;
  [[nodiscard]] bool unlink_ours(int parent) const;
  void move_over(int own_folder, const std::string& temporary, int parent) const;
  [[nodiscard]] Error foreign_error(const LinkView& view) const;

  std::filesystem::path data_dir_;
  std::string link_;
  std::filesystem::path path_;
  std::string prefix_;
  Doubts* doubts_;
  bool way_synced_ = false;  ///< by this object: a directory on the way may be of a run that was killed before its sync

  /// A link that was read: while it has this stamp it holds this commit.
  struct Read {
    FileStamp stamp;
    ObjectId commit;
    std::filesystem::path tree;
  };
  std::optional<Read> read_;
};

/// data_dir itself, which may be reached through a link: it is the configuration's word.
[[nodiscard]] UniqueFd open_data_dir(const std::filesystem::path& data_dir);

}  // namespace adapter::publish
