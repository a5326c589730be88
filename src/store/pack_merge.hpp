// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pack_file.hpp"

namespace adapter::store {

/// Which stored entries make a new pack, in order: each base stands before its deltas, each object once. An object is
/// taken with its whole chain from one pack, so that no circle of deltas can arise between packs; bases that nobody
/// wants come along. A base that would put a delta beyond `max_chain` deltas is taken whole instead where a stored
/// pack within that reach holds it whole, as completed thin packs do.
class MergePlan {
public:
  struct Item {
    std::uint32_t pack = 0;
    std::uint32_t entry = 0;
    std::uint32_t base = no_base;  ///< position in the plan
  };
  static constexpr std::uint32_t no_base = UINT32_MAX;
  static constexpr std::size_t max_chain = 50;  ///< deltas, as git's pack.depth

  explicit MergePlan(std::span<const StoredPack* const> packs) : packs_(packs.begin(), packs.end()) {}

  /// Takes the object from the first pack that has it; false when none does. Errors: corrupt (a circle, a damaged
  /// header).
  bool add(const ObjectId& id);

  [[nodiscard]] const std::vector<Item>& items() const noexcept { return items_; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  /// How many objects were searched for in all packs because a whole copy of them was wanted; an item at most once.
  [[nodiscard]] std::uint64_t searches() const noexcept { return searches_; }

  /// Writes the pack: header, entries with bases named by distance, checksum. Copies what is compressed as it is.
  void write(const std::function<void(std::string_view)>& sink, const std::stop_token& stop) const;

private:
  /// Deltas from the item to its whole object; at most `max_chain` + 1 are counted.
  [[nodiscard]] std::size_t chain_length(std::uint32_t position) const;
  /// Takes the nearest whole copy of the item or of a base of it, so that `more` deltas can stand on the item.
  void shorten(std::uint32_t position, std::size_t more);
  bool take_whole(std::uint32_t position);

  std::vector<const StoredPack*> packs_;
  std::vector<Item> items_;
  std::unordered_map<ObjectId, std::uint32_t> positions_;
  std::vector<bool> without_whole_copy_;  ///< by position: a search found none; the packs stay the same
  std::uint64_t size_bytes_ = 0;
  std::uint64_t searches_ = 0;
};

}  // namespace adapter::store
