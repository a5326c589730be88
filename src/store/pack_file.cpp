// SPDX-License-Identifier: Apache-2.0
#include "pack_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "adapter/base/limits.hpp"
#include "pack_format.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t longest_entry_header = 64;

ObjectId id_at(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, ObjectId::size_bytes> raw{};
  std::memcpy(raw.data(), bytes.data() + at, raw.size());
  return ObjectId(std::span<const std::uint8_t, ObjectId::size_bytes>(raw));
}

/// The distance back to a base: seven bits a byte, most significant first, with one added for each that follows.
std::optional<std::uint64_t> read_distance(std::string_view bytes, std::size_t& at) noexcept {
  std::uint64_t distance = 0;
  for (int count = 0; count < 9 && at < bytes.size(); ++count) {
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    distance = (count == 0 ? 0 : (distance + 1) << 7U) | (byte & 0x7FU);
    if ((byte & 0x80U) == 0) {
      return distance;
    }
  }
  return std::nullopt;
}

}  // namespace

StoredPack::StoredPack(const std::filesystem::path& folder, const std::string& stem)
    : stem_(stem),
      index_(read_file(folder / (stem + ".idx"), max_index_bytes)),
      pack_(open((folder / (stem + ".pack")).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
  struct stat info{};
  if (!pack_ || fstat(pack_.get(), &info) != 0) {
    throw storage_error(errno, "open", (folder / (stem + ".pack")).native());
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (index_.size() < names_at + 2 * trailer_bytes || size < 2 * trailer_bytes) {
    throw damaged();
  }
  count_ = big_endian(index_, names_at - 4);
  const std::uint64_t tables = static_cast<std::uint64_t>(count_) * (ObjectId::size_bytes + 4 + 4);
  if (index_.size() < names_at + tables + 2 * trailer_bytes) {
    throw damaged();
  }
  end_ = size - trailer_bytes;
  places_.reserve(count_);
  for (std::uint32_t entry = 0; entry < count_; ++entry) {
    places_.emplace_back(offset(entry), entry);
  }
  std::sort(places_.begin(), places_.end());
}

Error StoredPack::damaged() const {
  return Error(ErrorClass::corrupt, "the stored pack " + stem_ + " is damaged");
}

ObjectId StoredPack::id(std::uint32_t entry) const {
  return id_at(index_, names_at + static_cast<std::size_t>(entry) * ObjectId::size_bytes);
}

std::optional<std::uint32_t> StoredPack::find(const ObjectId& id_wanted) const {
  const auto first_byte = static_cast<std::size_t>(id_wanted.bytes()[0]);
  std::uint32_t low = first_byte == 0 ? 0 : big_endian(index_, fanout_at + 4 * (first_byte - 1));
  std::uint32_t high = big_endian(index_, fanout_at + 4 * first_byte);
  if (high > count_) {
    throw damaged();
  }
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const auto order = id(middle) <=> id_wanted;
    if (order == 0) {
      return middle;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

std::uint64_t StoredPack::offset(std::uint32_t entry) const {
  const std::size_t offsets_at = names_at + static_cast<std::size_t>(count_) * (ObjectId::size_bytes + 4);
  const std::uint32_t small = big_endian(index_, offsets_at + 4 * static_cast<std::size_t>(entry));
  std::uint64_t result = small;
  if ((small & large_offset_flag) != 0) {
    const std::size_t at =
        offsets_at + 4 * static_cast<std::size_t>(count_) + 8 * static_cast<std::size_t>(small & ~large_offset_flag);
    if (at + 8 + 2 * trailer_bytes > index_.size()) {
      throw damaged();
    }
    result = static_cast<std::uint64_t>(big_endian(index_, at)) << 32U | big_endian(index_, at + 4);
  }
  if (result >= end_) {
    throw damaged();
  }
  return result;
}

StoredPack::Entry StoredPack::entry(std::uint32_t number) const {
  Entry entry;
  entry.offset = offset(number);
  const auto next = std::upper_bound(places_.begin(), places_.end(), std::make_pair(entry.offset, UINT32_MAX));
  entry.size_bytes = (next == places_.end() ? end_ : next->first) - entry.offset;
  const std::string head =
      read(entry.offset, static_cast<std::size_t>(std::min<std::uint64_t>(entry.size_bytes, longest_entry_header)));
  std::size_t at = 0;
  while (at < head.size() && (static_cast<std::uint8_t>(head[at]) & 0x80U) != 0) {
    ++at;
  }
  if (++at >= head.size()) {
    throw damaged();
  }
  entry.size_header = head.substr(0, at);
  const unsigned type = (static_cast<std::uint8_t>(head[0]) >> 4U) & 7U;
  if (type == ofs_delta) {
    const auto distance = read_distance(head, at);
    if (!distance || *distance == 0 || *distance > entry.offset) {
      throw damaged();
    }
    const std::uint64_t place = entry.offset - *distance;
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::make_pair(place, std::uint32_t{0}));
    if (found == places_.end() || found->first != place) {
      throw damaged();
    }
    entry.base = found->second;
  } else if (type == ref_delta) {
    if (head.size() < at + ObjectId::size_bytes) {
      throw damaged();
    }
    entry.base = find(id_at(head, at));
    at += ObjectId::size_bytes;
    if (!entry.base) {
      throw damaged();
    }
  }
  entry.header_bytes = at;
  if (entry.header_bytes > entry.size_bytes) {
    throw damaged();
  }
  return entry;
}

std::string StoredPack::read(std::uint64_t offset_bytes, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = pread(pack_.get(), bytes.data() + done, size - done, static_cast<off_t>(offset_bytes + done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      throw storage_error(errno, "read", stem_);
    }
    if (count == 0) {
      throw damaged();
    }
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace adapter::store
