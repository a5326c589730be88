// SPDX-License-Identifier: Apache-2.0
#include "pack_merge.hpp"

#include <algorithm>
#include <array>

#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"
#include "adapter/crypto/digest.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t copy_bytes = 256 * kib;
constexpr char ofs_delta_bits = 6 << 4;
constexpr std::uint8_t type_bits = 0x70;

void append_big_endian(std::string& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> static_cast<unsigned>(shift)));
  }
}

/// The inverse of read_distance: see gitformat-pack, "offset encoding".
std::string encode_distance(std::uint64_t distance) {
  std::array<char, 10> digits{};
  std::size_t at = digits.size();
  digits[--at] = static_cast<char>(distance & 0x7FU);
  while ((distance >>= 7U) != 0) {
    --distance;
    digits[--at] = static_cast<char>(0x80U | (distance & 0x7FU));
  }
  return {digits.data() + at, digits.size() - at};
}

}  // namespace

bool MergePlan::add(const ObjectId& id) {
  if (positions_.contains(id)) {
    return true;
  }
  for (std::uint32_t pack = 0; pack < packs_.size(); ++pack) {
    const auto found = packs_[pack]->find(id);
    if (!found) {
      continue;
    }
    std::vector<std::uint32_t> chain;
    std::uint32_t base = no_base;
    for (std::optional<std::uint32_t> at = found; at; at = packs_[pack]->entry(*at).base) {
      if (const auto known = positions_.find(packs_[pack]->id(*at)); known != positions_.end()) {
        base = known->second;
        break;
      }
      chain.push_back(*at);
      if (chain.size() > packs_[pack]->count()) {
        throw Error(ErrorClass::corrupt, "the stored pack " + packs_[pack]->stem() + " has deltas in a circle");
      }
    }
    if (base != no_base && chain_length(base) + chain.size() > max_chain) {
      shorten(base, chain.size());
    }
    std::reverse(chain.begin(), chain.end());
    for (const std::uint32_t entry : chain) {
      const auto position = static_cast<std::uint32_t>(items_.size());
      items_.push_back({pack, entry, base});
      without_whole_copy_.push_back(false);
      positions_.emplace(packs_[pack]->id(entry), position);
      size_bytes_ += packs_[pack]->entry(entry).size_bytes;
      base = position;
    }
    return true;
  }
  return false;
}

std::size_t MergePlan::chain_length(std::uint32_t position) const {
  std::size_t length = 0;
  for (std::uint32_t at = items_[position].base; at != no_base && length <= max_chain; at = items_[at].base) {
    ++length;
  }
  return length;
}

void MergePlan::shorten(std::uint32_t position, std::size_t more) {
  for (std::uint32_t at = position; at != no_base && more <= max_chain; at = items_[at].base, ++more) {
    if (take_whole(at)) {
      return;
    }
  }
}

/// A whole copy needs no base, so the order of the plan stays right and no circle can arise.
bool MergePlan::take_whole(std::uint32_t position) {
  if (without_whole_copy_[position]) {
    return false;
  }
  ++searches_;
  Item& item = items_[position];
  const ObjectId id = packs_[item.pack]->id(item.entry);
  for (std::uint32_t pack = 0; pack < packs_.size(); ++pack) {
    const auto found = packs_[pack]->find(id);
    if (!found) {
      continue;
    }
    const auto copy = packs_[pack]->entry(*found);
    if (!copy.base) {
      size_bytes_ -= packs_[item.pack]->entry(item.entry).size_bytes;
      size_bytes_ += copy.size_bytes;
      item = {pack, *found, no_base};
      return true;
    }
  }
  without_whole_copy_[position] = true;
  return false;
}

void MergePlan::write(const std::function<void(std::string_view)>& sink, const std::stop_token& stop) const {
  crypto::Sha1 checksum;
  std::string buffer = "PACK";
  std::uint64_t written = 0;
  const auto flush = [&](bool all) {
    if (buffer.size() >= copy_bytes || all) {
      throw_if_stopped(stop, "house-keeping");
      checksum.update(buffer);
      sink(buffer);
      written += buffer.size();
      buffer.clear();
    }
  };
  append_big_endian(buffer, 2);
  append_big_endian(buffer, static_cast<std::uint32_t>(items_.size()));
  std::vector<std::uint64_t> offsets;
  offsets.reserve(items_.size());
  for (const Item& item : items_) {
    const StoredPack& pack = *packs_[item.pack];
    const auto entry = pack.entry(item.entry);
    const std::uint64_t offset = written + buffer.size();
    std::string header = entry.size_header;
    if (item.base != no_base) {
      header[0] = static_cast<char>((static_cast<std::uint8_t>(header[0]) & ~type_bits) | ofs_delta_bits);
      header += encode_distance(offset - offsets[item.base]);
    }
    offsets.push_back(offset);
    buffer += header;
    std::uint64_t at = entry.offset + entry.header_bytes;
    const std::uint64_t end = entry.offset + entry.size_bytes;
    while (at < end) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(copy_bytes, end - at));
      buffer += pack.read(at, count);
      at += count;
      flush(false);
    }
  }
  flush(true);
  const auto digest = checksum.finish();
  buffer += crypto::bytes_of(digest);
  sink(buffer);
}

}  // namespace adapter::store
