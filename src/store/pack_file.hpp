// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::store {

/// The entries of one kept pack as they are stored: where each stands, how long it is, what it is a delta of. For
/// copying them, not for reading objects. Blocking. Formats: git's gitformat-pack. Errors: corrupt, storage.
class StoredPack {
public:
  StoredPack(const std::filesystem::path& folder, const std::string& stem);

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] ObjectId id(std::uint32_t entry) const;
  [[nodiscard]] std::optional<std::uint32_t> find(const ObjectId& id) const;
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
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t size) const;

private:
  [[nodiscard]] std::uint64_t offset(std::uint32_t entry) const;
  [[nodiscard]] Error damaged() const;

  std::string stem_;
  std::string index_;
  std::uint32_t count_ = 0;
  UniqueFd pack_;
  std::uint64_t end_ = 0;                                        ///< where the trailer begins
  std::vector<std::pair<std::uint64_t, std::uint32_t>> places_;  ///< (offset, entry), sorted
};

}  // namespace adapter::store
