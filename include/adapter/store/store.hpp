// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/policy.hpp"

/// The objects of one repository, on disk: a bare repository of packs that git can read.
namespace adapter::store {

/// Modes as they are meant; anything else git never wrote is refused while walking.
enum class EntryKind : std::uint8_t { file, executable, symlink, folder, submodule };

struct TreeEntry {
  std::string name;  ///< one path component, checked against the name policy during verification
  ObjectId id;
  EntryKind kind = EntryKind::file;
};

/// Gets the bytes of an object; they are freed when it returns.
using BytesVisitor = std::function<void(std::string_view bytes)>;

/// Reads objects of kept packs. Blocking; any one thread at a time; make one a thread. Errors: corrupt (an object is
/// missing, malformed or of another type), limit, storage; cancelled when `stop` is requested while the call waits.
///
/// Of objects of 16 MiB or more one is in memory at a time in the whole process. A call that reads one waits until no
/// other call does, and holds nothing when it returns.
class ObjectReader {
public:
  virtual ~ObjectReader() = default;
  /// The tree of a commit.
  [[nodiscard]] virtual ObjectId commit_tree(const ObjectId& commit) = 0;
  [[nodiscard]] virtual std::vector<TreeEntry> tree(const ObjectId& id, const std::stop_token& stop) = 0;
  /// Calls `visit` once with the bytes of a blob. `visit` may write them and throw; it must neither use a reader nor
  /// wait for another thread, since other readers of large objects wait until it returns.
  virtual void read_blob(const ObjectId& id, const std::stop_token& stop, const BytesVisitor& visit) = 0;
  [[nodiscard]] virtual std::uint64_t blob_size_bytes(const ObjectId& id) = 0;
};

/// What the verification walk found out about a commit.
struct CommitSummary {
  ObjectId commit;
  ObjectId tree;
  std::uint64_t paths = 0;              ///< entries, folders included
  std::uint64_t tree_bytes = 0;         ///< bytes of all files
  std::vector<std::string> submodules;  ///< paths, the first 16
  std::uint64_t submodule_count = 0;
  std::vector<std::string> lfs_pointers;  ///< paths of blobs that are LFS pointer files, the first 16
  std::uint64_t lfs_pointer_count = 0;
};

struct Progress {
  std::uint64_t received_bytes = 0;
  std::uint32_t received_objects = 0;
  std::uint32_t total_objects = 0;
  std::uint32_t indexed_deltas = 0;
  std::uint32_t total_deltas = 0;
};

/// One transfer in quarantine (`incoming/`). Loop thread; ends by Store::accept or by destruction, which discards it
/// (the files are removed at once, or at the next recovery). Must not outlive its store, nor be destroyed while a call
/// is pending.
class Ingest {
public:
  virtual ~Ingest() = default;
  /// Hands pack bytes to the indexer on a worker; suspends while more than two chunks of 256 KiB wait. Cancellation
  /// stops between chunks. Errors: corrupt, limit (pack bytes, objects, object size), storage.
  virtual asio::awaitable<void> write(std::string_view bytes) = 0;
  [[nodiscard]] virtual Progress progress() const noexcept = 0;  ///< any thread
};

/// What to accept: a verified tip under a name.
struct Tip {
  std::string ref;                ///< "refs/heads/main"; empty: a pinned commit, kept as a detached HEAD
  ObjectId id;                    ///< a commit or an annotated tag
  std::uint32_t depth = 1;        ///< commits of history wanted; 0: all
  std::vector<ObjectId> shallow;  ///< what the fetch said about the boundary
  std::vector<ObjectId> unshallow;
  std::string source;  ///< one line that says whose tip it is; see Haves::source
  /// The commit whose tree is published now. It stays, whatever becomes of this tip and of later ones; without it the
  /// one before stays.
  std::optional<ObjectId> published;
};

/// What we hold complete, to tell the remote.
struct Haves {
  std::vector<ObjectId> tips;     ///< commits and tags, newest first, at most 8
  std::vector<ObjectId> shallow;  ///< at most 10,000 with `depth` large
  std::uint32_t depth = 1;        ///< of the last accept()
  /// The last tip that was kept and is still there, by name, id and commit; `ref` as of Tip.
  std::string ref;
  std::optional<ObjectId> current;
  std::optional<ObjectId> current_commit;
  std::string source;  ///< Tip::source of that tip; empty when it is not known for sure
};

struct StoreOptions {
  Limits limits;
  NamePolicy names = NamePolicy::portable;
};

/// The store of one repository: `directory`/repo.git and `directory`/incoming. Loop thread; work runs on `workers`.
/// Calls must not overlap, except that readers may be used on workers at any time. Nothing is kept open between calls:
/// an idle store costs no descriptor and no mapping.
///
/// Crash safety: a pack reaches repo.git only complete, verified and fsynced (pack, index, then folder); refs and
/// shallow are replaced atomically after it; killed at any step, the next open() finds the old or the new state.
class Store {
public:
  virtual ~Store() = default;

  /// Makes or recovers the repository: sweeps `incoming` and temporary files, drops unreadable refs. Storage errors
  /// throw.
  virtual asio::awaitable<void> open() = 0;

  [[nodiscard]] virtual const Haves& haves() const noexcept = 0;
  /// The facts of a commit (or of the commit that a tag leads to) if it is held, with all trees and blobs, within
  /// limits and policy; nothing when objects are missing. Walks every tree: not for every check. Throws limit, policy
  /// or corrupt when it breaks a rule.
  virtual asio::awaitable<std::optional<CommitSummary>> verify(ObjectId id) = 0;

  [[nodiscard]] virtual std::unique_ptr<Ingest> begin() = 0;

  /// Completes the transfer (`ingest` may be null when everything was there already): index, verify the tip against
  /// limits and names, fsync, move into place, record refs, shallow and HEAD. The tip kept before stays reachable as
  /// refs/adapter/previous. Throws corrupt, limit, policy (nothing is kept then), storage.
  virtual asio::awaitable<CommitSummary> accept(std::unique_ptr<Ingest> ingest, Tip tip) = 0;

  /// Merges and trims packs when there are too many or they outgrew what is reachable; cheap when there is nothing to
  /// do.
  virtual asio::awaitable<void> housekeep() = 0;

  /// A reader over the kept packs. Blocking; any thread.
  [[nodiscard]] virtual std::unique_ptr<ObjectReader> reader() const = 0;

  /// Bytes of packs on disk, as of the last call that changed them.
  [[nodiscard]] virtual std::uint64_t disk_bytes() const noexcept = 0;

  virtual void set_options(const StoreOptions& options) = 0;
};

/// `directory` is data_dir/.adapter/<name>; it is made by open() (0755; repo.git and incoming 0700).
[[nodiscard]] std::unique_ptr<Store> make_store(async::Workers& workers, std::filesystem::path directory,
                                                StoreOptions options);

/// Name, version and features of the object library, for `adapter info`: "1.5.1".
[[nodiscard]] std::string library_version();
/// Process-wide settings of the library; once, before the first store, while there is one thread.
void initialize_library(const Limits& largest);

}  // namespace adapter::store
