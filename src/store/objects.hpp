// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/stop.hpp"
#include "adapter/store/store.hpp"

/// The bytes of git's objects, read without I/O and without trust (git: Documentation/gitformat-*, object.c,
/// tree-walk.c).
namespace adapter::store {

enum class ObjectType : std::uint8_t { commit, tree, blob, tag };

[[nodiscard]] std::string_view to_string(ObjectType type) noexcept;

struct ObjectHeader {
  ObjectType type = ObjectType::blob;
  std::uint64_t size_bytes = 0;
  /// Bytes of the object and of all objects that it is a chain of deltas on: what reading it inflates at the most.
  std::uint64_t chain_bytes = 0;
  std::uint64_t largest_in_chain_bytes = 0;  ///< the largest of these objects
};

/// What read() gives out at the most; larger objects are visited.
inline constexpr std::uint64_t max_small_object_bytes = 1 * mib;
/// Objects that a small one is a chain of deltas on have fewer bytes than this each, and than that all together: git
/// never makes a delta whose result has less than a 32nd of its base. More would be memory and time without a bound.
inline constexpr std::uint64_t max_small_chain_object_bytes = 16 * mib;
inline constexpr std::uint64_t max_small_chain_bytes = 128 * mib;
[[nodiscard]] constexpr bool is_out_of_proportion(const ObjectHeader& header) noexcept {
  return header.largest_in_chain_bytes >= max_small_chain_object_bytes || header.chain_bytes > max_small_chain_bytes;
}

/// The numbers come from packs, so a sum stays at the largest one instead of beginning anew.
[[nodiscard]] constexpr std::uint64_t add_saturating(std::uint64_t left, std::uint64_t right) noexcept {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

/// Counts what reading objects unfolds: each one's chain of deltas. All that is counted together may unfold to
/// `max_unfolding` times its bytes and those of the allowance. git's chains have at most 50 links, or 250 where an old
/// `gc --aggressive` wrote them. Not synchronised.
class UnfoldingBudget {
public:
  static constexpr std::uint64_t max_unfolding = 256;
  static constexpr std::uint64_t usual_allowance_bytes = 8 * mib;

  /// `subject` begins the error: "the tree's files are".
  explicit UnfoldingBudget(std::string_view subject, std::uint64_t allowance_bytes = usual_allowance_bytes)
      : subject_(subject), allowance_bytes_(allowance_bytes) {}

  /// Throws limit when it is too much together with what was counted before.
  void add(std::uint64_t bytes, std::uint64_t chain_bytes);
  void add(const ObjectHeader& object) { add(object.size_bytes, object.chain_bytes); }

private:
  std::string_view subject_;
  std::uint64_t allowance_bytes_;
  std::uint64_t bytes_ = 0;
  std::uint64_t chain_bytes_ = 0;
};

static_assert(max_commit_or_tag_bytes <= max_small_object_bytes && max_symlink_bytes <= max_small_object_bytes);

/// An Error of class corrupt about an object whose bytes are what its id says, and are still not what git would have
/// written: the same in every transfer, so not retryable.
[[nodiscard]] Error malformed_object(std::string text);

/// Where objects come from. Blocking; one thread at a time.
class ObjectSource {
public:
  virtual ~ObjectSource() = default;
  /// Nothing when the object is missing. Throws corrupt when it is there and cannot be read.
  [[nodiscard]] virtual std::optional<ObjectHeader> header(const ObjectId& id) = 0;
  /// The bytes of a small object, valid until the next read(); nullopt when it is missing. Throws corrupt when it is
  /// damaged or of another type, limit when it is larger than `limit_bytes`, which is compared before the bytes are
  /// read and is at most max_small_object_bytes, or out of proportion. Takes no permit, and may be called from a
  /// visitor.
  [[nodiscard]] virtual std::optional<std::string_view> read(const ObjectId& id, ObjectType type,
                                                             std::uint64_t limit_bytes) = 0;
  /// Calls `visitor` with the bytes of an object of any size up to `limit_bytes`; false when it is missing. Waits for
  /// the process-wide permit when the object is large: the visitor must not call visit(). Throws as read() does, and
  /// cancelled when `stop` is requested while it waits.
  [[nodiscard]] virtual bool visit(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes,
                                   const std::stop_token& stop, const BytesVisitor& visitor) = 0;
};

struct CommitLinks {
  ObjectId tree;
  std::vector<ObjectId> parents;
};

/// The links of a commit: "tree" line, "parent" lines, then an "author" line; nothing when these are malformed.
[[nodiscard]] std::optional<CommitLinks> parse_commit(std::string_view bytes);

struct TagTarget {
  ObjectId id;
  ObjectType type = ObjectType::commit;
};

/// What an annotated tag names: its "object" and "type" lines; nothing when they are malformed.
[[nodiscard]] std::optional<TagTarget> parse_tag(std::string_view bytes);

/// One entry as it stands in a tree object; views the tree's bytes.
struct RawEntry {
  std::string_view name;
  std::uint32_t mode = 0;
  ObjectId id;
};

/// Steps through a tree's raw entries. Views the bytes.
class TreeCursor {
public:
  enum class Step : std::uint8_t { entry, end, malformed };
  explicit TreeCursor(std::string_view bytes) noexcept : rest_(bytes) {}
  /// Fills `entry`. After `end` or `malformed` it must not be called again.
  [[nodiscard]] Step next(RawEntry& entry);

private:
  std::string_view rest_;
};

/// What a mode means, read as git reads it: its type counts, and for a file the owner's right to execute; other
/// permissions do not (100640, 100666, 100700, 40755…). Nullopt for other types (FIFO, device, socket) and for modes
/// with setuid, setgid or the sticky bit, which git never wrote.
[[nodiscard]] std::optional<EntryKind> kind_of_mode(std::uint32_t mode) noexcept;

/// Whether a name comes twice in a tree that is in no order. Views the bytes; looks at `stop`. The tree is well-formed
/// up to the first malformed entry, which ends the search.
[[nodiscard]] std::optional<std::string_view> find_duplicate(std::string_view tree, const std::stop_token& stop);

/// Checks the order of a tree's entries as git does (a folder compares as if its name ended in "/"), and that no name
/// comes twice, as a file and as a folder neither. Views the names it was given.
class EntryOrder {
public:
  enum class Verdict : std::uint8_t { fine, unsorted, duplicate };
  [[nodiscard]] Verdict next(std::string_view name, bool folder);

private:
  std::string_view last_;
  bool last_folder_ = false;
  bool first_ = true;
  std::vector<std::string_view> files_;  ///< names of files, each a prefix of the next, that a folder may still repeat
};

}  // namespace adapter::store
