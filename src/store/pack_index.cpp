// SPDX-License-Identifier: Apache-2.0
#include "pack_index.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "adapter/base/units.hpp"

namespace adapter::store {
namespace {

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

constexpr std::size_t dropped_piece_bytes = 64 * kib;

/// One pread(): 0 at the end of the file.
std::size_t read_some(int fd, char* to, std::size_t size, std::uint64_t offset, std::string_view name) {
  ssize_t count = 0;
  do {
    count = pread(fd, to, size, static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    const int failure = errno;
    const Error error = storage_error(failure, "read", name);
    if (is_unreadable_place(failure)) {
      throw UnreadableBytes(ErrorClass::corrupt, error.text());
    }
    throw Error(error);
  }
  return static_cast<std::size_t>(count);
}

UniqueFd open_file(const std::filesystem::path& path, struct stat& info) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file || fstat(file.get(), &info) != 0) {
    throw storage_error(errno, "open", path.native());
  }
  return file;
}

Error damaged_pack(const std::string& stem) {
  return {ErrorClass::corrupt, "the stored pack " + stem + " is damaged"};
}

}  // namespace

std::string read_stored(int fd, std::uint64_t offset, std::size_t size, std::string_view name) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const std::size_t count = read_some(fd, bytes.data() + done, size - done, offset + done, name);
    if (count == 0) {
      break;
    }
    done += count;
  }
  bytes.resize(done);
  return bytes;
}

std::uint64_t read_through(int fd, std::uint64_t offset, std::uint64_t size, std::string_view name) {
  static thread_local std::array<char, dropped_piece_bytes> piece;
  std::uint64_t done = 0;
  while (done < size) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - done));
    const std::size_t count = read_some(fd, piece.data(), wanted, offset + done, name);
    if (count == 0) {
      break;
    }
    done += count;
  }
  return done;
}

std::optional<EntryHead> parse_entry_head(std::string_view bytes) {
  EntryHead head;
  std::size_t at = 0;
  unsigned shift = 4;
  for (;; ++at) {
    if (at == bytes.size() || shift > max_number_shift + 7) {
      return std::nullopt;
    }
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    if (at == 0) {
      head.type = (byte >> 4U) & 7U;
      head.size_bytes = byte & 0x0FU;
    } else {
      head.size_bytes |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      shift += 7;
    }
    if ((byte & 0x80U) == 0) {
      break;
    }
  }
  head.size_header_bytes = ++at;
  if (head.type == ofs_delta) {
    head.base_distance = read_distance(bytes, at);
    if (!head.base_distance || *head.base_distance == 0) {
      return std::nullopt;
    }
  } else if (head.type == ref_delta) {
    if (bytes.size() < at + ObjectId::size_bytes) {
      return std::nullopt;
    }
    head.base_id = id_at(bytes, at);
    at += ObjectId::size_bytes;
  } else if (head.type < 1 || head.type > 4) {
    return std::nullopt;
  }
  head.header_bytes = at;
  return head;
}

PackData::PackData(const std::filesystem::path& folder, const std::string& stem) : stem_(stem) {
  struct stat info{};
  file_ = open_file(folder / (stem + ".pack"), info);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < pack_header_bytes + trailer_bytes) {
    throw damaged();
  }
  end_ = size - trailer_bytes;
}

Error PackData::damaged() const {
  return damaged_pack(stem_);
}

std::string PackData::read(std::uint64_t offset_bytes, std::size_t size) const {
  std::string bytes = read_stored(file_.get(), offset_bytes, size, stem_);
  if (bytes.size() < size) {
    throw damaged();
  }
  return bytes;
}

void PackData::require(std::uint64_t offset, std::uint64_t size) const {
  if (read_through(file_.get(), offset, size, stem_) < size) {
    throw damaged();
  }
}

EntryHead PackData::head(std::uint64_t offset) const {
  if (offset < pack_header_bytes || offset >= end_) {
    throw damaged();
  }
  const auto head = parse_entry_head(
      read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(longest_entry_head, end_ - offset))));
  if (!head || (head->base_distance && *head->base_distance > offset - pack_header_bytes)) {
    throw damaged();
  }
  return *head;
}

PackIndex::PackIndex(const std::filesystem::path& folder, const std::string& stem, std::uint64_t pack_end)
    : stem_(stem), pack_end_(pack_end) {
  const std::filesystem::path path = folder / (stem + ".idx");
  struct stat info{};
  const UniqueFd file = open_file(path, info);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < names_at + 2 * trailer_bytes || size > max_index_bytes) {
    throw damaged();
  }
  if (read_through(file.get(), 0, size, path.native()) < size) {
    throw damaged();
  }
  void* const mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) {
    throw storage_error(errno, "map", path.native());
  }
  mapping_ = mapping;
  bytes_ = {static_cast<const char*>(mapping_), static_cast<std::size_t>(size)};
  count_ = big_endian(bytes_, names_at - 4);
  const std::uint64_t tables = static_cast<std::uint64_t>(count_) * (ObjectId::size_bytes + 4 + 4);
  if (size < names_at + tables + 2 * trailer_bytes) {
    munmap(mapping_, bytes_.size());
    throw damaged();
  }
}

PackIndex::~PackIndex() {
  munmap(mapping_, bytes_.size());
}

Error PackIndex::damaged() const {
  return damaged_pack(stem_);
}

ObjectId PackIndex::id(std::uint32_t entry) const {
  return id_at(bytes_, names_at + static_cast<std::size_t>(entry) * ObjectId::size_bytes);
}

std::uint64_t PackIndex::offset(std::uint32_t entry) const {
  const std::size_t offsets_at = names_at + static_cast<std::size_t>(count_) * (ObjectId::size_bytes + 4);
  const std::uint32_t small = big_endian(bytes_, offsets_at + 4 * static_cast<std::size_t>(entry));
  std::uint64_t result = small;
  if ((small & large_offset_flag) != 0) {
    const std::size_t at =
        offsets_at + 4 * static_cast<std::size_t>(count_) + 8 * static_cast<std::size_t>(small & ~large_offset_flag);
    if (at + 8 + 2 * trailer_bytes > bytes_.size()) {
      throw damaged();
    }
    result = static_cast<std::uint64_t>(big_endian(bytes_, at)) << 32U | big_endian(bytes_, at + 4);
  }
  if (result >= pack_end_) {
    throw damaged();
  }
  return result;
}

std::optional<std::uint32_t> PackIndex::find(const ObjectId& id_wanted) const {
  const auto first_byte = static_cast<std::size_t>(id_wanted.bytes()[0]);
  std::uint32_t low = first_byte == 0 ? 0 : big_endian(bytes_, fanout_at + 4 * (first_byte - 1));
  std::uint32_t high = big_endian(bytes_, fanout_at + 4 * first_byte);
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

}  // namespace adapter::store
