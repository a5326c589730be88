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

namespace adapter::store {
namespace {

/// An object whose bytes are what its id says, and are still not what git would have written: the same in every
/// transfer.
Error malformed(std::string text) {
  Error error(ErrorClass::corrupt, std::move(text));
  error.set_retryable(false);
  return error;
}

constexpr int max_tag_levels = 8;
constexpr std::size_t max_listed_paths = 16;
// A pointer file has a version line, an oid of 64 digits and a size; extensions may add a little.
constexpr std::uint64_t min_lfs_pointer_bytes = 120;
constexpr std::uint64_t max_lfs_pointer_bytes = 200;
constexpr std::string_view lfs_pointer_start = "version https://git-lfs.github.com/spec/";

std::uint64_t add_saturating(std::uint64_t left, std::uint64_t right) noexcept {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

/// What a tree amounts to, everything below it included.
struct Weight {
  std::uint64_t paths = 0;
  std::uint64_t bytes = 0;
  std::uint64_t submodules = 0;
  std::uint64_t lfs_pointers = 0;
  std::uint64_t depth = 0;         ///< levels of folders below
  std::uint64_t longest_path = 0;  ///< bytes

  void add_child(const Weight& child, std::size_t name_size) noexcept {
    paths = add_saturating(paths, child.paths);
    bytes = add_saturating(bytes, child.bytes);
    submodules = add_saturating(submodules, child.submodules);
    lfs_pointers = add_saturating(lfs_pointers, child.lfs_pointers);
    depth = std::max(depth, child.depth + 1);
    longest_path = std::max(longest_path, child.longest_path + name_size + 1);
  }
};

struct Folder {
  std::string name;
  ObjectId id;
};

/// A tree whose own entries are checked and whose folders wait to be walked.
struct Frame {
  ObjectId id;
  std::string name;
  Weight weight;
  std::vector<Folder> folders;
  std::size_t next = 0;
};

struct Candidate {
  std::string name;
  ObjectId id;
};

class TreeWalk {
public:
  TreeWalk(ObjectSource& source, const Limits& limits, NamePolicy names, const std::stop_token& stop,
           CommitFacts& facts)
      : source_(source), limits_(limits), names_(names), stop_(stop), facts_(facts) {}

  Weight run(const ObjectId& root) {
    enter({"", root});
    while (true) {
      Frame& top = frames_.back();
      if (top.next < top.folders.size()) {
        const Folder& folder = top.folders[top.next++];
        const auto known = weights_.find(folder.id);
        if (known == weights_.end()) {
          enter(folder);
        } else {
          top.weight.add_child(known->second, folder.name.size());
          check(top.weight);
        }
        continue;
      }
      const Weight weight = top.weight;
      weights_.emplace(top.id, weight);
      const std::size_t name_size = top.name.size();
      frames_.pop_back();
      if (frames_.empty()) {
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

  void enter(const Folder& folder) {
    if (stop_.stop_requested()) {
      throw Error(ErrorClass::cancelled, "the verification was cancelled");
    }
    if (frames_.size() > limits_.max_depth) {
      too_deep();
    }
    const auto bytes = source_.read(folder.id, ObjectType::tree, limits_.max_object_bytes);
    if (!bytes) {
      lacks(folder.name, ObjectType::tree, folder.id);
    }
    frames_.emplace_back();
    Frame& frame = frames_.back();
    frame.id = folder.id;
    frame.name = folder.name;
    candidates_.clear();
    check_entries(*bytes, frame);
    check(frame.weight);
    look_into_candidates(frame);
  }

  void check_entries(std::string_view bytes, Frame& frame) {
    TreeCursor cursor(bytes);
    EntryOrder order;
    RawEntry entry;
    while (true) {
      const auto step = cursor.next(entry);
      if (step == TreeCursor::Step::end) {
        return;
      }
      if (step == TreeCursor::Step::malformed) {
        throw malformed(path_of("") + ": the tree " + frame.id.to_hex() + " is malformed");
      }
      const EntryKind kind = check_entry(entry);
      switch (order.next(entry.name, kind == EntryKind::folder)) {
        case EntryOrder::Verdict::fine:
          break;
        case EntryOrder::Verdict::unsorted:
          refuse(entry.name, "is not in git's order within its tree");
        case EntryOrder::Verdict::duplicate:
          refuse(entry.name, "is there twice");
      }
      if (++frame.weight.paths > limits_.max_paths) {
        check(frame.weight);
      }
      frame.weight.longest_path = std::max<std::uint64_t>(frame.weight.longest_path, entry.name.size());
      weigh(entry, kind, frame);
    }
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
      frame.folders.push_back({std::string(entry.name), entry.id});
      return;
    }
    if (kind == EntryKind::submodule) {
      ++frame.weight.submodules;
      list(facts_.submodules, entry.name);
      return;
    }
    const std::uint64_t size = blob_size(entry);
    frame.weight.bytes = add_saturating(frame.weight.bytes, size);
    if (kind == EntryKind::symlink) {
      check_link_size(entry.name, size);
      links_.push_back({std::string(entry.name), entry.id});
      return;
    }
    attributes_seen_ = attributes_seen_ || entry.name == ".gitattributes";
    if (size >= min_lfs_pointer_bytes && size <= max_lfs_pointer_bytes) {
      candidates_.push_back({std::string(entry.name), entry.id});
    }
  }

  std::uint64_t blob_size(const RawEntry& entry) {
    const auto known = blob_sizes_.find(entry.id);
    if (known != blob_sizes_.end()) {
      return known->second;
    }
    const auto header = source_.header(entry.id);
    if (!header) {
      lacks(entry.name, ObjectType::blob, entry.id);
    }
    if (header->type != ObjectType::blob) {
      throw malformed(path_of(entry.name) + ": the object " + entry.id.to_hex() + " is a " +
                      std::string(to_string(header->type)) + ", not a blob");
    }
    if (header->size_bytes > limits_.max_object_bytes) {
      throw Error(ErrorClass::limit, path_of(entry.name) + " has " + format_size(header->size_bytes) + ", more than " +
                                         format_size(limits_.max_object_bytes) + " (limits.max_object_bytes)");
    }
    blob_sizes_.emplace(entry.id, header->size_bytes);
    return header->size_bytes;
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

  /// Reads what the tree's bytes had to stay valid for.
  void look_into_candidates(Frame& frame) {
    for (const Candidate& link : links_) {
      const auto target = source_.read(link.id, ObjectType::blob, max_symlink_bytes);
      if (!target) {
        lacks(link.name, ObjectType::blob, link.id);
      }
      if (target->find('\0') != std::string_view::npos) {
        refuse(link.name, "is a symbolic link whose target holds a NUL");
      }
    }
    links_.clear();
    if (!attributes_seen_) {
      return;  // Git LFS works through .gitattributes: without any, no file needs to be opened
    }
    for (const Candidate& candidate : candidates_) {
      const auto bytes = source_.read(candidate.id, ObjectType::blob, max_lfs_pointer_bytes);
      if (bytes && bytes->starts_with(lfs_pointer_start)) {
        ++frame.weight.lfs_pointers;
        list(facts_.lfs_pointers, candidate.name);
      }
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
  CommitFacts& facts_;
  std::vector<Frame> frames_;
  std::vector<Candidate> candidates_;
  std::vector<Candidate> links_;
  std::unordered_map<ObjectId, Weight> weights_;
  std::unordered_map<ObjectId, std::uint64_t> blob_sizes_;
  bool attributes_seen_ = false;
};

}  // namespace

Peeled peel_to_commit(ObjectSource& source, const ObjectId& id) {
  ObjectId at = id;
  for (int level = 0; level <= max_tag_levels; ++level) {
    const auto header = source.header(at);
    if (!header) {
      throw MissingObject(ErrorClass::corrupt, "the object " + at.to_hex() + " is missing");
    }
    if (header->type != ObjectType::commit && header->type != ObjectType::tag) {
      throw malformed(id.to_hex() + " leads to a " + std::string(to_string(header->type)) + ", not to a commit");
    }
    const auto bytes = source.read(at, header->type, max_commit_or_tag_bytes);
    if (!bytes) {
      throw MissingObject(ErrorClass::corrupt, "the object " + at.to_hex() + " is missing");
    }
    if (header->type == ObjectType::commit) {
      auto links = parse_commit(*bytes);
      if (!links) {
        throw malformed("the commit " + at.to_hex() + " is malformed");
      }
      return Peeled{at, std::move(*links)};
    }
    const auto target = parse_tag(*bytes);
    if (!target) {
      throw malformed("the tag " + at.to_hex() + " is malformed");
    }
    at = target->id;
  }
  throw Error(ErrorClass::limit,
              "the tag " + id.to_hex() + " leads through more than " + std::to_string(max_tag_levels) + " other tags");
}

CommitFacts verify_commit(ObjectSource& source, const ObjectId& id, const Limits& limits, NamePolicy names,
                          const std::stop_token& stop) {
  const Peeled peeled = peel_to_commit(source, id);
  CommitFacts facts;
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
