// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/base/object_id.hpp"

namespace adapter::store {

/// Folders that wait to be walked, their names in one string: a small pack can demand many long ones.
class WaitingFolders {
public:
  void add(std::string_view name, const ObjectId& id) {
    items_.push_back({id, static_cast<std::uint32_t>(names_.size()), static_cast<std::uint32_t>(name.size())});
    names_ += name;
  }
  [[nodiscard]] bool empty() const noexcept { return next_ == items_.size(); }
  /// The next one; views the names. Precondition: not empty.
  [[nodiscard]] std::pair<std::string_view, ObjectId> take() {
    const Item& item = items_[next_++];
    return {std::string_view(names_).substr(item.name_at, item.name_size), item.id};
  }
  static std::uint64_t bytes_for(std::string_view name) noexcept { return sizeof(Item) + name.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return sizeof(Item) * items_.size() + names_.size(); }

private:
  struct Item {
    ObjectId id;
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;
  };
  std::vector<Item> items_;
  std::string names_;
  std::size_t next_ = 0;
};

}  // namespace adapter::store
