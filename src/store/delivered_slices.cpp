// SPDX-License-Identifier: Apache-2.0
#include "delivered_slices.hpp"

#include <algorithm>

#include "adapter/base/units.hpp"

namespace adapter::store {
namespace {

constexpr std::uint64_t delivered_slice_bytes = 64 * kib;

std::size_t slice_of(std::uint64_t offset) noexcept {
  return static_cast<std::size_t>(offset / delivered_slice_bytes);
}

}  // namespace

DeliveredSlices::DeliveredSlices(const PackData& data, const PackIndex& index) {
  const std::uint64_t size = data.end() + trailer_bytes;
  const std::size_t count = slice_of(size - 1) + 1;
  delivered_.resize(count);
  std::vector<std::uint64_t> first(count, data.end());
  for (std::uint32_t entry = 0; entry < index.count(); ++entry) {
    const std::uint64_t offset = index.offset(entry);
    first[slice_of(offset)] = std::min(first[slice_of(offset)], offset);
  }
  next_entry_.resize(count);
  std::uint64_t next = data.end();
  for (std::size_t slice = count; slice-- > 0;) {
    next_entry_[slice] = next;
    next = std::min(next, first[slice]);
  }
}

void DeliveredSlices::require(const PackData& data, std::uint64_t offset) {
  if (offset >= data.end()) {
    throw data.damaged();
  }
  // zlib may look at a few bytes behind its stream.
  const std::uint64_t size = data.end() + trailer_bytes;
  const std::uint64_t end = std::min(size, next_entry_[slice_of(offset)] + longest_entry_head);
  for (std::size_t slice = slice_of(offset); slice <= slice_of(end - 1); ++slice) {
    if (!delivered_[slice]) {
      const std::uint64_t begin = slice * delivered_slice_bytes;
      data.require(begin, std::min(delivered_slice_bytes, size - begin));
      delivered_[slice] = true;
    }
  }
}

}  // namespace adapter::store
