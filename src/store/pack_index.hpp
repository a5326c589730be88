// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"
#include "pack_format.hpp"

namespace adapter::store {

/// Bytes of a stored pack, or of its index, that the volume does not deliver: a bad sector, a file system's wrong
/// checksum. Class corrupt and retryable: the pack is set aside when a second look finds the same.
class UnreadableBytes final : public Error {
public:
  using Error::Error;
};

/// Up to `size` bytes of an open file, fewer at its end only. Throws UnreadableBytes, or storage for what says nothing
/// about the bytes (no memory, a volume that is gone). Blocking; any thread.
[[nodiscard]] std::string read_stored(int fd, std::uint64_t offset, std::size_t size, std::string_view name);
/// The same bytes, which are only read and dropped: how many there are.
std::uint64_t read_through(int fd, std::uint64_t offset, std::uint64_t size, std::string_view name);

/// The index of one pack (version 2), mapped read-only: ids in order, and where each object's entry begins. Any thread.
/// The whole file is read once before it is mapped: a sector that cannot be read is an error then and a SIGBUS later.
/// Errors: corrupt (a number that leads out of the file or of the pack, UnreadableBytes), storage.
class PackIndex {
public:
  /// `pack_end`: where the pack's trailer begins; every offset lies before it.
  PackIndex(const std::filesystem::path& folder, const std::string& stem, std::uint64_t pack_end);
  ~PackIndex();
  PackIndex(const PackIndex&) = delete;
  PackIndex& operator=(const PackIndex&) = delete;

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// Precondition of these two: entry < count().
  [[nodiscard]] ObjectId id(std::uint32_t entry) const;
  [[nodiscard]] std::uint64_t offset(std::uint32_t entry) const;
  [[nodiscard]] std::optional<std::uint32_t> find(const ObjectId& id) const;

private:
  [[nodiscard]] Error damaged() const;

  std::string stem_;
  void* mapping_ = nullptr;
  std::string_view bytes_;
  std::uint32_t count_ = 0;
  std::uint64_t pack_end_;
};

/// What an entry of a pack says of itself before its compressed data.
struct EntryHead {
  unsigned type = 0;             ///< as in the pack: 1 to 4, ofs_delta or ref_delta
  std::uint64_t size_bytes = 0;  ///< inflated; of a delta the delta's own
  std::size_t size_header_bytes = 0;
  std::size_t header_bytes = 0;  ///< with what names the base
  std::optional<std::uint64_t> base_distance;
  std::optional<ObjectId> base_id;
};

/// More than any head has.
inline constexpr std::size_t longest_entry_head = 64;

/// Parses the head at the front of `bytes`; nullopt when it is malformed or cut off.
[[nodiscard]] std::optional<EntryHead> parse_entry_head(std::string_view bytes);

/// Opens a pack for reading and returns its size. Errors: storage.
class PackData {
public:
  PackData(const std::filesystem::path& folder, const std::string& stem);

  /// Where the trailer begins.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  /// Bytes of the pack; shorter than asked for, or unreadable, is corrupt.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t size) const;
  /// Reads these bytes, the trailer's too, and drops them. Errors as read().
  void require(std::uint64_t offset, std::uint64_t size) const;
  /// The head of the entry at `offset`. Errors: corrupt, storage.
  [[nodiscard]] EntryHead head(std::uint64_t offset) const;
  [[nodiscard]] Error damaged() const;

private:
  std::string stem_;
  UniqueFd file_;
  std::uint64_t end_ = 0;
};

}  // namespace adapter::store
