// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "adapter/store/store.hpp"

/// The bytes of git's objects, read without I/O and without trust (git: Documentation/gitformat-*, object.c,
/// tree-walk.c).
namespace adapter::store {

enum class ObjectType : std::uint8_t { commit, tree, blob, tag };

[[nodiscard]] std::string_view to_string(ObjectType type) noexcept;

struct ObjectHeader {
  ObjectType type = ObjectType::blob;
  std::uint64_t size_bytes = 0;
};

/// Where objects come from. Blocking; one thread at a time.
class ObjectSource {
public:
  virtual ~ObjectSource() = default;
  /// Nothing when the object is missing. Throws corrupt when it is there and cannot be read.
  [[nodiscard]] virtual std::optional<ObjectHeader> header(const ObjectId& id) = 0;
  /// The object's bytes, valid until the next read(); nothing when it is missing. Throws corrupt when it is damaged or
  /// of another type, limit when it is larger than `limit_bytes` (which is looked at before the bytes are).
  [[nodiscard]] virtual std::optional<std::string_view> read(const ObjectId& id, ObjectType type,
                                                             std::uint64_t limit_bytes) = 0;
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

/// What a mode means; the historic 100664 is a file. Nothing for modes that git never meant (FIFO, device, setuid…).
[[nodiscard]] std::optional<EntryKind> kind_of_mode(std::uint32_t mode) noexcept;

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
