// SPDX-License-Identifier: Apache-2.0
#include "pack_file.hpp"

#include <algorithm>

namespace adapter::store {

StoredPack::StoredPack(const std::filesystem::path& folder, const std::string& stem)
    : stem_(stem), pack_(folder, stem), index_(folder, stem, pack_.end()) {
  places_.reserve(count());
  for (std::uint32_t entry = 0; entry < count(); ++entry) {
    places_.emplace_back(index_.offset(entry), entry);
  }
  std::sort(places_.begin(), places_.end());
}

StoredPack::Entry StoredPack::entry(std::uint32_t number) const {
  Entry entry;
  entry.offset = index_.offset(number);
  const auto next = std::upper_bound(places_.begin(), places_.end(), std::make_pair(entry.offset, UINT32_MAX));
  entry.size_bytes = (next == places_.end() ? pack_.end() : next->first) - entry.offset;
  const EntryHead head = pack_.head(entry.offset);
  entry.header_bytes = head.header_bytes;
  if (entry.header_bytes > entry.size_bytes) {
    throw pack_.damaged();
  }
  entry.size_header = pack_.read(entry.offset, head.size_header_bytes);
  if (head.base_distance) {
    const std::uint64_t place = entry.offset - *head.base_distance;
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::make_pair(place, std::uint32_t{0}));
    if (found == places_.end() || found->first != place) {
      throw pack_.damaged();
    }
    entry.base = found->second;
  } else if (head.base_id) {
    entry.base = index_.find(*head.base_id);
    if (!entry.base) {
      throw pack_.damaged();
    }
  }
  return entry;
}

}  // namespace adapter::store
