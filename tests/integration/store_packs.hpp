// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"

/// Packs made by hand, entry by entry, for what git would not write.
class PackWriter {
public:
  /// The id of an object: "blob", "tree", "commit".
  static adapter::ObjectId id_of(const std::string& type, const std::string& bytes);

  /// Adds an object of its own.
  adapter::ObjectId add(const std::string& type, const std::string& bytes);
  /// Adds a delta, written by id or by distance, whose result has the id that the caller knows. `base_entry`: number of
  /// the base among the entries added so far.
  void add_ref_delta(const adapter::ObjectId& base, const std::string& delta);
  void add_ofs_delta(std::size_t base_entry, const std::string& delta);
  [[nodiscard]] std::size_t entries() const noexcept { return offsets_.size(); }
  /// The whole pack, with its checksum.
  [[nodiscard]] std::string bytes() const;

private:
  void begin(unsigned type, std::uint64_t size);

  std::string body_;
  std::vector<std::size_t> offsets_;
};

std::string deflated(std::string_view bytes);
/// A delta that makes `result` out of a base of `base_size` bytes without copying from it.
std::string literal_delta(std::size_t base_size, const std::string& result);

/// `length` small blobs, each a delta of the one before; the first is an object of its own.
struct DeltaChain {
  std::vector<adapter::ObjectId> ids;
};
enum class DeltaKind : std::uint8_t { by_id, by_distance };
DeltaChain add_chain(PackWriter& pack, std::size_t deltas, DeltaKind kind, const std::string& salt = "");
/// The same by id, the last delta first: nothing can be resolved in the order of the pack.
DeltaChain add_reversed_chain(PackWriter& pack, std::size_t deltas);
/// Adds one tree with all of these as files, and its commit.
adapter::ObjectId add_commit_of(PackWriter& pack, const std::vector<adapter::ObjectId>& blobs);
