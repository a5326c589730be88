// SPDX-License-Identifier: Apache-2.0
#include "verify.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "names.hpp"
#include "waiting_folders.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t max_listed_paths = 16;
// A pointer file has a version line, an oid of 64 digits and a size; extensions may add a little.
constexpr std::uint64_t min_lfs_pointer_bytes = 120;
constexpr std::uint64_t max_lfs_pointer_bytes = 200;
constexpr std::string_view lfs_pointer_start = "version https://git-lfs.github.com/spec/";
/// Names of folders that wait to be walked, on all levels together, with their ids.
constexpr std::uint64_t max_waiting_bytes = 64 * mib;
/// Of links and pointers of LFS, beside what their own bytes allow.
constexpr std::uint64_t small_reads_allowance = 4 * mib;

/// What a tree amounts to, everything below it included.
struct Weight {
  std::uint64_t paths = 0;
  std::uint64_t bytes = 0;
  std::uint64_t chain_bytes = 0;  ///< what reading all of it inflates at the most
  std::uint64_t submodules = 0;
  std::uint64_t lfs_pointers = 0;
  std::uint64_t depth = 0;         ///< levels of folders below
  std::uint64_t longest_path = 0;  ///< bytes

  void add_child(const Weight& child, std::size_t name_size) noexcept {
    paths = add_saturating(paths, child.paths);
    bytes = add_saturating(bytes, child.bytes);
    chain_bytes = add_saturating(chain_bytes, child.chain_bytes);
    submodules = add_saturating(submodules, child.submodules);
    lfs_pointers = add_saturating(lfs_pointers, child.lfs_pointers);
    depth = std::max(depth, child.depth + 1);
    longest_path = std::max(longest_path, child.longest_path + name_size + 1);
  }
};

/// A tree whose own entries are checked and whose folders wait to be walked.
struct Frame {
  ObjectId id;
  std::string name;
  Weight weight;
  WaitingFolders folders;
};

struct Blob {
  ObjectHeader header;
  bool checked_as_link = false;
};

/// Git LFS works through .gitattributes: without any, no file needs to be opened.
bool holds_attributes(std::string_view tree) {
  TreeCursor cursor(tree);
  RawEntry entry;
  while (cursor.next(entry) == TreeCursor::Step::entry) {
    if (entry.name == ".gitattributes") {
      return true;
    }
  }
  return false;
}

class TreeWalk {
public:
  TreeWalk(ObjectSource& source, const Limits& limits, NamePolicy names, const std::stop_token& stop,
           CommitSummary& facts)
      : source_(source), limits_(limits), names_(names), stop_(stop), facts_(facts) {}

  Weight run(const ObjectId& root) {
    enter("", root);
    while (true) {
      look_at_stop(stop_, steps_++, "the verification");
      Frame& top = frames_.back();
      if (!top.folders.empty()) {
        const auto [name, id] = top.folders.take();
        const auto known = weights_.find(id);
        if (known == weights_.end()) {
          enter(name, id);
        } else {
          top.weight.add_child(known->second, name.size());
          check(top.weight);
        }
        continue;
      }
      waiting_bytes_ -= top.folders.bytes();
      const Weight weight = top.weight;
      weights_.emplace(top.id, weight);
      const std::size_t name_size = top.name.size();
      frames_.pop_back();
      if (frames_.empty()) {
        // Of the whole tree: what makes up for a long chain may come after it.
        UnfoldingBudget("the tree's files are").add(weight.bytes, weight.chain_bytes);
        return weight;
      }
      frames_.back().weight.add_child(weight, name_size);
      check(frames_.back().weight);
    }
  }

private:
  std::string path_of(std::string_view name) const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (!frame.name.empty()) {
        path += frame.name + "/";
      }
    }
    path += name;
    std::string quoted = "\"";
    quoted += escape(path);
    quoted += '"';
    return quoted;
  }

  [[noreturn]] void refuse(std::string_view name, std::string_view why) const {
    throw Error(ErrorClass::policy, path_of(name) + " " + std::string(why));
  }

  [[noreturn]] void lacks(std::string_view name, ObjectType type, const ObjectId& id) const {
    throw MissingObject(ErrorClass::corrupt,
                        path_of(name) + ": the " + std::string(to_string(type)) + " " + id.to_hex() + " is missing");
  }

  void check(const Weight& weight) const {
    if (weight.paths > limits_.max_paths) {
      throw Error(ErrorClass::limit,
                  "the tree has more than " + std::to_string(limits_.max_paths) + " entries (limits.max_paths)");
    }
    if (weight.bytes > limits_.max_tree_bytes) {
      throw Error(ErrorClass::limit, "the tree's files have more than " + format_size(limits_.max_tree_bytes) +
                                         " (limits.max_tree_bytes)");
    }
    if (weight.depth > limits_.max_depth) {
      too_deep();
    }
    if (weight.longest_path > max_path_bytes) {
      throw Error(ErrorClass::limit, "the tree holds a path of more than " + std::to_string(max_path_bytes) + " bytes");
    }
  }

  [[noreturn]] void too_deep() const {
    throw Error(ErrorClass::limit, "the tree has folders more than " + std::to_string(limits_.max_depth) +
                                       " levels deep (limits.max_depth)");
  }

  void enter(std::string_view name, const ObjectId& id) {
    throw_if_stopped(stop_, "the verification");
    if (frames_.size() > limits_.max_depth) {
      too_deep();
    }
    Frame frame;
    frame.id = id;
    frame.name = name;
    frames_.push_back(std::move(frame));
    const auto check_bytes = [this](std::string_view bytes) { check_entries(bytes, frames_.back()); };
    if (!source_.visit(id, ObjectType::tree, limits_.max_object_bytes, stop_, check_bytes)) {
      const std::string missing = std::move(frames_.back().name);
      frames_.pop_back();
      lacks(missing, ObjectType::tree, id);
    }
    check(frames_.back().weight);
  }

  void check_entries(std::string_view bytes, Frame& frame) {
    attributes_seen_ = attributes_seen_ || holds_attributes(bytes);
    bool sorted = true;
    TreeCursor cursor(bytes);
    EntryOrder order;
    RawEntry entry;
    while (true) {
      look_at_stop(stop_, steps_++, "the verification");
      const auto step = cursor.next(entry);
      if (step == TreeCursor::Step::end) {
        break;
      }
      if (step == TreeCursor::Step::malformed) {
        throw malformed_object(path_of("") + ": the tree " + frame.id.to_hex() + " is malformed");
      }
      const EntryKind kind = check_entry(entry);
      sorted = sorted && is_in_order(order, entry, kind);
      if (++frame.weight.paths > limits_.max_paths) {
        check(frame.weight);
      }
      frame.weight.longest_path = std::max<std::uint64_t>(frame.weight.longest_path, entry.name.size());
      weigh(entry, kind, frame);
    }
    if (!sorted) {
      if (const auto twice = find_duplicate(bytes, stop_)) {
        refuse(*twice, "is there twice");
      }
    }
  }

  /// False when the order is not git's and `names: git` takes the tree nevertheless, as git does.
  bool is_in_order(EntryOrder& order, const RawEntry& entry, EntryKind kind) const {
    const auto verdict = order.next(entry.name, kind == EntryKind::folder);
    if (verdict == EntryOrder::Verdict::duplicate) {
      refuse(entry.name, "is there twice");
    }
    if (verdict == EntryOrder::Verdict::unsorted && names_ != NamePolicy::git) {
      refuse(entry.name, "is not in git's order within its tree; \"names: git\" would accept it");
    }
    return verdict == EntryOrder::Verdict::fine;
  }

  EntryKind check_entry(const RawEntry& entry) const {
    const auto kind = kind_of_mode(entry.mode);
    if (!kind) {
      refuse(entry.name, "has a mode that is neither file, folder, symbolic link nor submodule");
    }
    if (entry.name.size() > max_name_bytes) {
      throw Error(ErrorClass::limit,
                  path_of(entry.name) + ": the name has more than " + std::to_string(max_name_bytes) + " bytes");
    }
    const std::string_view fault = name_fault(entry.name, names_, kind == EntryKind::symlink);
    if (!fault.empty()) {
      const bool git_would_take_it = name_fault(entry.name, NamePolicy::git, kind == EntryKind::symlink).empty();
      refuse(entry.name, std::string(fault) + (git_would_take_it ? "; \"names: git\" would accept it" : ""));
    }
    return *kind;
  }

  void weigh(const RawEntry& entry, EntryKind kind, Frame& frame) {
    if (kind == EntryKind::folder) {
      waiting_bytes_ += WaitingFolders::bytes_for(entry.name);
      if (waiting_bytes_ > max_waiting_bytes) {
        throw Error(ErrorClass::limit, "the names of the folders beside one path have more than " +
                                           format_size(max_waiting_bytes) + " together");
      }
      frame.folders.add(entry.name, entry.id);
      return;
    }
    if (kind == EntryKind::submodule) {
      ++frame.weight.submodules;
      list(facts_.submodules, entry.name);
      return;
    }
    Blob& blob = look_at_blob(entry);
    frame.weight.bytes = add_saturating(frame.weight.bytes, blob.header.size_bytes);
    frame.weight.chain_bytes = add_saturating(frame.weight.chain_bytes, blob.header.chain_bytes);
    if (kind == EntryKind::symlink) {
      check_link(entry, blob);
    } else if (attributes_seen_ && is_lfs_pointer(entry, blob.header)) {
      ++frame.weight.lfs_pointers;
      list(facts_.lfs_pointers, entry.name);
    }
  }

  Blob& look_at_blob(const RawEntry& entry) {
    const auto known = blobs_.find(entry.id);
    if (known != blobs_.end()) {
      return known->second;
    }
    const auto header = source_.header(entry.id);
    if (!header) {
      lacks(entry.name, ObjectType::blob, entry.id);
    }
    if (header->type != ObjectType::blob) {
      throw malformed_object(path_of(entry.name) + ": the object " + entry.id.to_hex() + " is a " +
                             std::string(to_string(header->type)) + ", not a blob");
    }
    if (header->size_bytes > limits_.max_object_bytes) {
      throw Error(ErrorClass::limit, path_of(entry.name) + " has " + format_size(header->size_bytes) + ", more than " +
                                         format_size(limits_.max_object_bytes) + " (limits.max_object_bytes)");
    }
    return blobs_.emplace(entry.id, Blob{*header, false}).first->second;
  }

  /// Each target is read once, however many links share it.
  void check_link(const RawEntry& entry, Blob& blob) {
    check_link_size(entry.name, blob.header.size_bytes);
    if (blob.checked_as_link) {
      return;
    }
    if (is_out_of_proportion(blob.header)) {
      throw Error(ErrorClass::limit, path_of(entry.name) + ": the symbolic link is stored as deltas on objects of " +
                                         format_size(blob.header.chain_bytes) +
                                         ", which git never does; repack the repository (git repack -a -d -f)");
    }
    begin_read(blob.header);
    const auto target = source_.read(entry.id, ObjectType::blob, max_symlink_bytes);
    if (!target) {
      lacks(entry.name, ObjectType::blob, entry.id);
    }
    if (target->find('\0') != std::string_view::npos) {
      refuse(entry.name, "is a symbolic link whose target holds a NUL");
    }
    blob.checked_as_link = true;
  }

  bool is_lfs_pointer(const RawEntry& entry, const ObjectHeader& header) {
    if (header.size_bytes < min_lfs_pointer_bytes || header.size_bytes > max_lfs_pointer_bytes ||
        is_out_of_proportion(header)) {
      return false;
    }
    begin_read(header);
    const auto bytes = source_.read(entry.id, ObjectType::blob, max_lfs_pointer_bytes);
    return bytes && bytes->starts_with(lfs_pointer_start);
  }

  /// Reading a small object may unfold max_small_chain_bytes: the stop is looked at each time.
  void begin_read(const ObjectHeader& header) {
    throw_if_stopped(stop_, "the verification");
    small_reads_.add(header);
  }

  void check_link_size(std::string_view name, std::uint64_t size) const {
    if (size == 0) {
      refuse(name, "is a symbolic link without a target");
    }
    if (size > max_symlink_bytes) {
      throw Error(ErrorClass::limit, path_of(name) + ": the symbolic link's target has more than " +
                                         std::to_string(max_symlink_bytes) + " bytes");
    }
  }

  void list(std::vector<std::string>& paths, std::string_view name) const {
    if (paths.size() < max_listed_paths) {
      std::string path;
      for (const Frame& frame : frames_) {
        if (!frame.name.empty()) {
          path += frame.name + "/";
        }
      }
      paths.push_back(path + std::string(name));
    }
  }

  ObjectSource& source_;
  const Limits& limits_;
  NamePolicy names_;
  const std::stop_token& stop_;
  CommitSummary& facts_;
  std::vector<Frame> frames_;
  std::unordered_map<ObjectId, Weight> weights_;
  std::unordered_map<ObjectId, Blob> blobs_;
  UnfoldingBudget small_reads_{"the tree's links and pointers of LFS are", small_reads_allowance};
  std::uint64_t waiting_bytes_ = 0;  ///< of all frames' folders
  std::size_t steps_ = 0;
  bool attributes_seen_ = false;
};

}  // namespace

CommitSummary verify_commit(ObjectSource& source, const ObjectId& id, const Limits& limits, NamePolicy names,
                            const std::stop_token& stop) {
  const Peeled peeled = peel_to_commit(source, id);
  CommitSummary facts;
  facts.commit = peeled.commit;
  facts.tree = peeled.links.tree;
  TreeWalk walk(source, limits, names, stop, facts);
  const Weight weight = walk.run(facts.tree);
  facts.paths = weight.paths;
  facts.tree_bytes = weight.bytes;
  facts.submodule_count = weight.submodules;
  facts.lfs_pointer_count = weight.lfs_pointers;
  return facts;
}

}  // namespace adapter::store
