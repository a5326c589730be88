// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/crypto/digest.hpp"
#include "layout.hpp"
#include "pack_format.hpp"
#include "pack_index.hpp"

namespace adapter::store {
namespace {

/// Empty for what is not a regular file, whatever became of the pair's name.
UniqueFd open_regular(const std::filesystem::path& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) {
    if (errno == ELOOP || errno == EISDIR || errno == ENOTDIR || errno == ENXIO) {
      return file;
    }
    throw storage_error(errno, "open", path.native());
  }
  struct stat info{};
  if (fstat(file.get(), &info) != 0) {
    throw storage_error(errno, "read", path.native());
  }
  return S_ISREG(info.st_mode) ? std::move(file) : UniqueFd();
}

bool fanout_rises(std::string_view index, std::uint32_t count) noexcept {
  std::uint32_t last = 0;
  for (std::size_t at = fanout_at; at < names_at; at += 4) {
    const std::uint32_t next = big_endian(index, at);
    if (next < last) {
      return false;
    }
    last = next;
  }
  return last == count;
}

/// Every entry's place, where large ones are looked up in a second table.
bool offsets_lead_into(std::string_view index, std::uint32_t count, std::uint64_t pack_end) noexcept {
  const std::size_t small_at = names_at + static_cast<std::size_t>(count) * (ObjectId::size_bytes + 4);
  const std::size_t large_at = small_at + static_cast<std::size_t>(count) * 4;
  const std::size_t large_count = (index.size() - 2 * trailer_bytes - large_at) / 8;
  for (std::size_t entry = 0; entry < count; ++entry) {
    std::uint64_t offset = big_endian(index, small_at + 4 * entry);
    if ((offset & large_offset_flag) != 0) {
      const auto place = static_cast<std::size_t>(offset & ~static_cast<std::uint64_t>(large_offset_flag));
      if (place >= large_count) {
        return false;
      }
      offset = static_cast<std::uint64_t>(big_endian(index, large_at + 8 * place)) << 32U |
               big_endian(index, large_at + 8 * place + 4);
    }
    if (offset < pack_header_bytes || offset >= pack_end) {
      return false;
    }
  }
  return true;
}

bool checksum_holds(std::string_view index) {
  crypto::Sha1 sha1;
  sha1.update(index.substr(0, index.size() - trailer_bytes));
  const auto digest = sha1.finish();
  return index.ends_with(crypto::bytes_of(digest));
}

bool is_sound(const std::filesystem::path& folder, const PackFile& pack, bool checksum) {
  using namespace std::string_view_literals;
  if (pack.pack_bytes < pack_header_bytes + trailer_bytes || pack.index_bytes < names_at + 2 * trailer_bytes ||
      pack.index_bytes > max_index_bytes) {
    return false;
  }
  const auto data_path = folder / (pack.stem + ".pack");
  const auto index_path = folder / (pack.stem + ".idx");
  const UniqueFd data = open_regular(data_path);
  const UniqueFd index_file = open_regular(index_path);
  if (!data || !index_file) {
    return false;
  }
  const std::string head = read_stored(data.get(), 0, pack_header_bytes, data_path.native());
  const std::string tail = read_stored(data.get(), pack.pack_bytes - trailer_bytes, trailer_bytes, data_path.native());
  const std::string index = read_stored(index_file.get(), 0, pack.index_bytes + 1, index_path.native());
  if (head.size() != pack_header_bytes || !head.starts_with("PACK\0\0\0\2"sv) || index.size() != pack.index_bytes ||
      !index.starts_with("\377tOc\0\0\0\2"sv)) {
    return false;
  }
  const std::uint32_t count = big_endian(head, 8);
  const std::uint64_t tables = static_cast<std::uint64_t>(count) * (ObjectId::size_bytes + 4 + 4);
  if (index.size() < names_at + tables + 2 * trailer_bytes || !fanout_rises(index, count) ||
      (index.size() - names_at - tables - 2 * trailer_bytes) % 8 != 0) {
    return false;
  }
  return std::string_view(index).substr(index.size() - 2 * trailer_bytes, trailer_bytes) == tail &&
         offsets_lead_into(index, count, pack.pack_bytes - trailer_bytes) && (!checksum || checksum_holds(index));
}

}  // namespace

bool looks_sound(const std::filesystem::path& folder, const PackFile& pack, bool checksum) {
  try {
    return is_sound(folder, pack, checksum);
  } catch (const UnreadableBytes&) {
    return false;
  }
}

}  // namespace adapter::store
