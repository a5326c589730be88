// SPDX-License-Identifier: Apache-2.0
#include "pack_headers.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "adapter/base/limits.hpp"
#include "delivered_slices.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t compressed_piece_bytes = 512;

Error chain_too_long() {
  return {ErrorClass::limit,
          "the pack has more than " + std::to_string(max_delta_chain) + " deltas that stand on each other"};
}

/// The second number of a delta: the size of what it makes. Nullopt when `start` does not hold it.
std::optional<std::uint64_t> result_size_in(std::string_view start) noexcept {
  std::size_t at = 0;
  std::uint64_t value = 0;
  for (int number = 0; number < 2; ++number) {
    value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at == start.size() || shift > max_number_shift) {
        return std::nullopt;
      }
      const auto byte = static_cast<std::uint8_t>(start[at++]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        break;
      }
    }
  }
  return value;
}

/// Where an entry's base begins; nullopt for an object of its own.
std::optional<std::uint64_t> base_of(const PackData& data, const PackIndex& index, std::uint64_t offset,
                                     const EntryHead& head) {
  if (head.base_distance) {
    return offset - *head.base_distance;
  }
  if (!head.base_id) {
    return std::nullopt;
  }
  const auto entry = index.find(*head.base_id);
  if (!entry) {
    throw data.damaged();
  }
  return index.offset(*entry);
}

}  // namespace

struct PackHeaders::Files {
  Files(const std::filesystem::path& folder, const std::string& stem)
      : data(folder, stem), index(folder, stem, data.end()) {
    stream_ready = inflateInit(&stream) == Z_OK;
    if (!stream_ready) {
      throw Error(ErrorClass::storage, "there is no memory to look into the pack " + stem);
    }
  }
  ~Files() { inflateEnd(&stream); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::uint64_t result_size(std::uint64_t offset, const EntryHead& head) {
    std::array<char, delta_start_bytes> start{};
    inflateReset(&stream);
    stream.next_out = reinterpret_cast<unsigned char*>(start.data());
    stream.avail_out = static_cast<unsigned>(start.size());
    std::uint64_t at = offset + head.header_bytes;
    int code = Z_OK;
    while (code == Z_OK && stream.avail_out > 0 && at < data.end()) {
      std::string piece =
          data.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(compressed_piece_bytes, data.end() - at)));
      at += piece.size();
      stream.next_in = reinterpret_cast<unsigned char*>(piece.data());
      stream.avail_in = static_cast<unsigned>(piece.size());
      code = inflate(&stream, Z_SYNC_FLUSH);
    }
    const auto size = result_size_in({start.data(), start.size() - stream.avail_out});
    if (!size) {
      throw data.damaged();
    }
    return *size;
  }

  PackData data;
  PackIndex index;
  std::optional<DeliveredSlices> slices;  ///< from the first object that is read
  z_stream stream{};
  bool stream_ready = false;
};

PackHeaders::PackHeaders(std::filesystem::path folder, std::string stem)
    : folder_(std::move(folder)), stem_(std::move(stem)) {}
PackHeaders::~PackHeaders() = default;
PackHeaders::PackHeaders(PackHeaders&&) noexcept = default;

PackHeaders::Files& PackHeaders::files() {
  if (!files_) {
    files_ = std::make_unique<Files>(folder_, stem_);
  }
  return *files_;
}

std::optional<ObjectHeader> PackHeaders::header(const ObjectId& id) {
  const PackIndex& index = files().index;
  const auto entry = index.find(id);
  if (!entry) {
    return std::nullopt;
  }
  return resolve(index.offset(*entry));
}

bool PackHeaders::require(const ObjectId& id) {
  Files& pack = files();
  const auto entry = pack.index.find(id);
  if (!entry) {
    return false;
  }
  if (!pack.slices) {
    pack.slices.emplace(pack.data, pack.index);
  }
  std::vector<std::uint64_t> chain;  // offsets of deltas, from the object down
  for (std::optional<std::uint64_t> at = pack.index.offset(*entry); at && !delivered_.contains(*at);) {
    pack.slices->require(pack.data, *at);
    const auto base = base_of(pack.data, pack.index, *at, pack.data.head(*at));
    if (base) {
      chain.push_back(*at);
    }
    if (chain.size() > max_delta_chain) {
      throw chain_too_long();
    }
    at = base;
  }
  delivered_.insert(chain.begin(), chain.end());
  return true;
}

ObjectHeader PackHeaders::resolve(std::uint64_t offset) {
  Files& pack = files();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> chain;  // offset and size of deltas, from the object down
  ObjectHeader header;
  for (std::uint64_t at = offset;;) {
    if (const auto known = deltas_.find(at); known != deltas_.end()) {
      header = known->second;
      break;
    }
    const EntryHead head = pack.data.head(at);
    const auto base = base_of(pack.data, pack.index, at, head);
    if (!base) {
      constexpr std::array types{ObjectType::commit, ObjectType::tree, ObjectType::blob, ObjectType::tag};
      header = {types.at(head.type - 1), head.size_bytes, head.size_bytes, head.size_bytes};
      break;
    }
    if (chain.size() >= max_delta_chain) {
      throw chain_too_long();
    }
    chain.emplace_back(at, pack.result_size(at, head));
    at = *base;
  }
  for (auto delta = chain.rbegin(); delta != chain.rend(); ++delta) {
    header.size_bytes = delta->second;
    header.chain_bytes = add_saturating(header.chain_bytes, delta->second);
    header.largest_in_chain_bytes = std::max(header.largest_in_chain_bytes, delta->second);
    deltas_.emplace(delta->first, header);
  }
  return header;
}

void check_delta_chains(const std::filesystem::path& folder, const std::string& stem, const std::stop_token& stop) {
  const PackData data(folder, stem);
  const PackIndex index(folder, stem, data.end());
  std::unordered_map<std::uint64_t, std::uint32_t> lengths;  // by offset, of deltas
  std::vector<std::uint64_t> chain;
  std::size_t steps = 0;
  for (std::uint32_t entry = 0; entry < index.count(); ++entry) {
    chain.clear();
    std::uint32_t length = 0;
    for (std::optional<std::uint64_t> at = index.offset(entry); at;) {
      look_at_stop(stop, steps++, "checking the pack's deltas");
      if (const auto known = lengths.find(*at); known != lengths.end()) {
        length = known->second;
        break;
      }
      const auto base = base_of(data, index, *at, data.head(*at));
      if (base) {
        chain.push_back(*at);
      }
      if (chain.size() > max_delta_chain) {
        throw chain_too_long();
      }
      at = base;
    }
    for (auto delta = chain.rbegin(); delta != chain.rend(); ++delta) {
      if (++length > max_delta_chain) {
        throw chain_too_long();
      }
      lengths.emplace(*delta, length);
    }
  }
}

}  // namespace adapter::store
