// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "adapter/base/object_id.hpp"

namespace adapter::publish {

/// What an entry of a tree is written as.
enum class EntryKind : std::uint8_t { file, executable, symlink, folder };

/// An entry of a folder. `id` and `kind` are its identity: two entries that share both have the same content, folders
/// with all that is below them.
struct TreeEntry {
  std::string name;  ///< one path component; the publisher refuses any other
  /// Of a file or a symlink: the id that git gives a blob of its bytes. Of a folder: what the reader's list() takes.
  ObjectId id;
  EntryKind kind = EntryKind::file;
};

/// Takes the entries of a folder one by one; may throw, and may call the reader's read().
using EntryVisitor = std::function<void(TreeEntry entry)>;

/// Takes the content of one file or symlink. Its functions may throw. They wait for the volume alone, because a reader
/// may hold a resource meanwhile that other readers wait for.
class ContentSink {
public:
  virtual ~ContentSink() = default;
  /// Called once, before the first write().
  virtual void begin(std::uint64_t size_bytes) = 0;
  /// The next bytes, which may be all of them; not called for empty content.
  virtual void write(std::string_view bytes) = 0;
};

/// Reads a tree. Blocking; for one thread at a time. Errors: corrupt, limit, policy, storage; cancelled when `stop` is
/// requested while a call waits.
class TreeReader {
public:
  virtual ~TreeReader() = default;
  /// The folder that is the tree's root.
  [[nodiscard]] virtual ObjectId root() = 0;
  /// Hands the entries of the folder `id`, which is at `path` in the tree ("a/b", empty: the root), to `visit` in git's
  /// order.
  virtual void list(const std::string& path, const ObjectId& id, const std::stop_token& stop,
                    const EntryVisitor& visit) = 0;
  /// Hands the bytes of a file or the target of a symlink to `sink`. Of large content at most one piece is in memory,
  /// where the source has it in pieces.
  virtual void read(const ObjectId& id, EntryKind kind, const std::stop_token& stop, ContentSink& sink) = 0;
};

/// A tree to publish: what it holds is the source's decision, how it is written the publisher's. Outlives its readers.
class TreeSource {
public:
  virtual ~TreeSource() = default;
  /// The commit whose name the tree bears on the volume.
  [[nodiscard]] virtual const ObjectId& commit() const noexcept = 0;
  /// A reader for one thread. Blocking; any thread.
  [[nodiscard]] virtual std::unique_ptr<TreeReader> reader() const = 0;
};

}  // namespace adapter::publish
