// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "pack_index.hpp"

namespace adapter::store {

/// The entries of one kept pack as they are stored: where each stands, how long it is, what it is a delta of. For
/// copying them, not for reading objects. Blocking. Formats: git's gitformat-pack. Errors: corrupt, storage.
class StoredPack {
public:
  StoredPack(const std::filesystem::path& folder, const std::string& stem);

  [[nodiscard]] std::uint32_t count() const noexcept { return index_.count(); }
  [[nodiscard]] ObjectId id(std::uint32_t entry) const { return index_.id(entry); }
  [[nodiscard]] std::optional<std::uint32_t> find(const ObjectId& id) const { return index_.find(id); }
  [[nodiscard]] const std::string& stem() const noexcept { return stem_; }

  struct Entry {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;       ///< header included
    std::size_t header_bytes = 0;       ///< type and size, and what names the base
    std::string size_header;            ///< type and size alone
    std::optional<std::uint32_t> base;  ///< the entry this one is a delta of
  };
  [[nodiscard]] Entry entry(std::uint32_t entry) const;

  /// Bytes of the pack; shorter than asked for is corrupt.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t size) const { return pack_.read(offset, size); }

private:
  std::string stem_;
  PackData pack_;
  PackIndex index_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> places_;  ///< (offset, entry), sorted
};

}  // namespace adapter::store
