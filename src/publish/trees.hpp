// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"
#include "crew.hpp"
#include "manifest.hpp"
#include "residue.hpp"

namespace adapter::publish {

/// A look at one kept tree.
struct TreeCheck {
  bool there = false;                ///< there is something under the commit's name
  std::optional<Manifest> manifest;  ///< when the tree is complete and untouched
  std::string damage;                ///< why it is not, else
  bool is_unreadable = false;        ///< the damage is a place that the volume does not deliver, now at least
};

/// The folders of one repository: .adapter/<name> with `trees` and `manifests` below. Blocking, lives for one job and
/// keeps their descriptors open that long. Everything in them is the adapter's: names of commits, and litter by its
/// prefix.
class Trees {
public:
  /// Nothing when they were not made yet.
  [[nodiscard]] static std::optional<Trees> open(const std::filesystem::path& data_dir, const std::string& name);
  /// Makes them: 0755 on the way to the trees, 0700 for the manifests; their names are durable then. `sync`: also the
  /// names of those that are there already, which a killed run may have made.
  [[nodiscard]] static Trees make(const std::filesystem::path& data_dir, const std::string& name, bool sync);

  /// Why open() found none although the link leads to `commit`: the tree is missing, or the records alone.
  [[nodiscard]] static std::string absence(const std::filesystem::path& data_dir, const std::string& name,
                                           const ObjectId& commit);

  [[nodiscard]] int own_folder() const noexcept { return own_.get(); }
  [[nodiscard]] int folder() const noexcept { return trees_.get(); }
  /// The group that data_dir hands down to what is made in it (a setgid directory), if it does.
  [[nodiscard]] std::optional<gid_t> group() const noexcept { return group_; }
  /// Whether a tree has another group than that: the adapter could not give it away when it wrote the tree, or the
  /// volume had another one then.
  [[nodiscard]] bool lacks_group(const ObjectId& commit) const;
  /// Before a tree is written: throws StuckTree where it could not take the commit's name at the end.
  void require_replaceable(const ObjectId& commit) const;

  /// Commits whose name a tree bears, newest first.
  [[nodiscard]] std::vector<ObjectId> commits() const;
  /// Throws cancelled, and storage errors of the machine or of the whole volume; a place below the tree, or in its
  /// record, that cannot be read is damage of that tree.
  [[nodiscard]] TreeCheck check(const ObjectId& commit, Crew& crew, const std::stop_token& stop) const;

  /// Makes the tree in `staging` durable, records it and gives it the commit's name. A tree that has the name already
  /// changes places with it in one step, and is then set aside. When it fails at the very end the tree may bear the
  /// name, but without a record: it counts as damaged.
  void keep(const std::string& staging, int staging_fd, const ObjectId& commit, const Manifest& manifest) const;
  /// Makes durable the names of trees that are there already, before a link relies on `commit`'s. When that fails,
  /// `commit`'s record is removed: a second sync would succeed and prove nothing, so its tree has to be written anew.
  void make_names_durable(const ObjectId& commit) const;
  /// The same at a start, which may find a read-only volume: then nothing can be done, and what stands there is served.
  void make_names_durable_at_start() const;

  /// Takes the commit's name from a tree; delete_gone() deletes it.
  void set_aside(const ObjectId& commit) const;
  /// The same for a folder in trees/; one that is not there is none.
  void set_aside_folder(const std::string& name) const;
  /// Sets aside what an interrupted run or a failed publish left: staging; removes temporary links, and manifests
  /// without a tree. Quick. Returns how many there were. Goes on past what the volume does not allow, which is logged.
  std::size_t set_litter_aside() const;
  /// Deletes what was set aside and is not stuck, beside whatever else is done with these trees. Goes on past what
  /// cannot be removed: that goes to `residue`, or stays and is stuck; both are added to `known`, and the first one is
  /// logged. Returns how far it came. Any other failure is thrown at the end.
  Leftovers delete_gone(const Residue& residue, KnownResidue& known, const std::function<bool()>& give_up) const;

private:
  Trees() = default;
  void compare(const ObjectId& commit, Crew& crew, const std::stop_token& stop, TreeCheck& result) const;
  void take_name(const std::string& staging, const std::string& hex) const;
  void refresh_record(const std::string& hex, const Manifest& manifest) const;

  std::string name_;
  std::optional<gid_t> group_;
  UniqueFd own_;
  UniqueFd trees_;
  UniqueFd manifests_;
};

}  // namespace adapter::publish
