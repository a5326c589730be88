// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "stored_refs.hpp"

/// The files of repo.git beside the packs, and the packs as files. Blocking; storage errors throw.
namespace adapter::store {

/// Where things are below a repository's directory.
struct Layout {
  explicit Layout(std::filesystem::path directory);

  std::filesystem::path root;      ///< data_dir/.adapter/<name>
  std::filesystem::path incoming;  ///< root/incoming: quarantine
  std::filesystem::path git;       ///< root/repo.git
  std::filesystem::path objects;   ///< git/objects
  std::filesystem::path packs;     ///< git/objects/pack
  std::filesystem::path damaged;   ///< git/damaged: packs set aside
};

/// Makes what is missing of an empty bare repository and of the quarantine; removes temporary files of killed runs and
/// everything in quarantine.
void prepare_layout(const Layout& layout);

/// Reads the records; what has no valid form counts as absent. Errors: storage (a file that cannot be read now).
[[nodiscard]] StoredRefs read_stored_refs(const Layout& layout);

/// Writes shallow, packed-refs and HEAD, in this order, each atomically: a crash in between leaves refs whose history
/// the new shallow file still describes, since the caller keeps both tips in it. A changed source is forgotten before
/// and noted after all else: a crash in between leaves it unknown, never another one's.
void write_stored_refs(const Layout& layout, const StoredRefs& stored);
void write_shallow(const Layout& layout, const std::vector<ObjectId>& shallow);

/// Whether the file holds something else than `records`, which were read from it: junk that git would stumble over.
[[nodiscard]] bool packed_refs_are_damaged(const Layout& layout, const StoredRefs& stored);
/// A pack and its index, both there.
struct PackFile {
  std::string stem;  ///< "pack-<hash>"
  std::uint64_t pack_bytes = 0;
  std::uint64_t index_bytes = 0;
};

/// Complete pairs, largest first.
[[nodiscard]] std::vector<PackFile> list_packs(const std::filesystem::path& folder);
[[nodiscard]] std::uint64_t total_bytes(const std::vector<PackFile>& packs) noexcept;

/// Makes `from`/`stem`.{pack,idx} durable and moves it into `to` under a name made of the pack's checksum; the index
/// last, because it is what makes a pack visible. Returns the new stem.
std::string install_pack(const std::filesystem::path& from, const std::string& stem, const std::filesystem::path& to);
/// Removes pairs, the index first, and durably forgets them.
void remove_packs(const std::filesystem::path& folder, const std::vector<std::string>& stems);
/// Moves a damaged pair to `damaged`.
void quarantine_pack(const Layout& layout, const std::string& stem);

/// Looks at a pair without reading the pack through: sizes, magic numbers, the checksum of the pack that its index
/// recorded, and that every number in the index leads into the pack. libgit2 trusts these numbers and reads wherever
/// they point: nothing may be opened with it before this look. With `checksum` the index is hashed too.
[[nodiscard]] bool looks_sound(const std::filesystem::path& folder, const PackFile& pack, bool checksum);

}  // namespace adapter::store
