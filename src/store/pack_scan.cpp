// SPDX-License-Identifier: Apache-2.0
#include "pack_scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "adapter/base/limits.hpp"
#include "adapter/base/units.hpp"
#include "objects.hpp"
#include "pack_format.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t inflate_buffer_bytes = 64 * kib;
constexpr unsigned chain_bits = 16;
static_assert(max_delta_chain < 1U << chain_bits);

bool is_delta(unsigned type) noexcept {
  return type == ofs_delta || type == ref_delta;
}

/// Text deflates to a tenth; zeros to a thousandth.
constexpr std::uint64_t max_inflation = 64;

Error malformed() {
  return {ErrorClass::corrupt, "the pack has a malformed entry"};
}

}  // namespace

PackScan::PackScan(std::uint64_t max_object_bytes, std::uint64_t free_bytes)
    : max_object_bytes_(max_object_bytes), free_bytes_(free_bytes) {
  stream_ready_ = inflateInit(&stream_) == Z_OK;
}

PackScan::~PackScan() {
  if (stream_ready_) {
    inflateEnd(&stream_);
  }
}

Error PackScan::too_large(std::uint64_t size) const {
  return {ErrorClass::limit, "the pack holds an object of " + format_size(size) + ", more than " +
                                 format_size(max_object_bytes_) + " (limits.max_object_bytes)"};
}

bool PackScan::is_out_of_proportion() const noexcept {
  return announced_bytes_ > free_bytes_ && (announced_bytes_ - free_bytes_) / max_inflation > fed_bytes_;
}

std::optional<Error> PackScan::feed(std::string_view bytes) {
  if (!stream_ready_) {
    return Error(ErrorClass::storage, "there is no memory to look into the pack");
  }
  fed_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (auto error = step(bytes)) {
      return error;
    }
  }
  consumed_bytes_ = fed_bytes_;
  return std::nullopt;
}

std::optional<Error> PackScan::step(std::string_view& bytes) {
  switch (part_) {
    case Part::pack_header:
      return read_pack_header(bytes);
    case Part::entry_header:
      return read_entry_header(bytes);
    case Part::base_id: {
      const std::size_t count = std::min(bytes.size(), ObjectId::size_bytes - held_.size());
      held_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (held_.size() == ObjectId::size_bytes) {
        std::array<std::uint8_t, ObjectId::size_bytes> raw{};
        std::memcpy(raw.data(), held_.data(), raw.size());
        named_bases_.emplace_back(std::span<const std::uint8_t, ObjectId::size_bytes>(raw));
        begin_data();
      }
      return std::nullopt;
    }
    case Part::base_distance:
      return read_base_distance(bytes);
    case Part::data:
      return inflate_some(bytes);
    case Part::trailer:
      bytes = {};
      return std::nullopt;
  }
  return malformed();
}

std::optional<Error> PackScan::read_pack_header(std::string_view& bytes) {
  const std::size_t count = std::min(bytes.size(), pack_header_bytes - held_.size());
  held_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (held_.size() < pack_header_bytes) {
    return std::nullopt;
  }
  if (!held_.starts_with("PACK")) {
    return Error(ErrorClass::corrupt, "the transfer is not a pack");
  }
  for (std::size_t at = 8; at < pack_header_bytes; ++at) {
    entries_left_ = entries_left_ << 8U | static_cast<std::uint8_t>(held_[at]);
  }
  held_.clear();
  part_ = entries_left_ == 0 ? Part::trailer : Part::entry_header;
  return std::nullopt;
}

std::optional<Error> PackScan::read_entry_header(std::string_view& bytes) {
  if (size_shift_ == 0) {
    entry_offset_ = fed_bytes_ - bytes.size();
  }
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  if (size_shift_ == 0) {
    type_ = (byte >> 4U) & 7U;
    size_ = byte & 0x0FU;
    size_shift_ = 4;
  } else {
    if (size_shift_ >= max_number_shift) {
      return malformed();
    }
    size_ |= static_cast<std::uint64_t>(byte & 0x7FU) << size_shift_;
    size_shift_ += 7;
  }
  if ((byte & 0x80U) != 0) {
    return std::nullopt;
  }
  size_shift_ = 0;
  if (type_ == 0 || type_ == 5) {
    return malformed();
  }
  if (size_ > max_object_bytes_) {
    return too_large(size_);
  }
  announced_bytes_ += size_;  // 64 bits of it would have to be inflated first
  if (is_out_of_proportion()) {
    return Error(ErrorClass::limit, "the pack inflates to more than " + format_size(free_bytes_) + " and " +
                                        std::to_string(max_inflation) + " times its bytes (limits.max_tree_bytes)");
  }
  if (type_ == ref_delta) {
    part_ = Part::base_id;
  } else if (type_ == ofs_delta) {
    base_distance_ = 0;
    part_ = Part::base_distance;
  } else {
    begin_data();
  }
  return std::nullopt;
}

std::optional<Error> PackScan::read_base_distance(std::string_view& bytes) {
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  base_distance_ |= byte & 0x7FU;
  if (base_distance_ > entry_offset_) {
    return malformed();
  }
  if ((byte & 0x80U) != 0) {
    base_distance_ = (base_distance_ + 1) << 7U;
    return std::nullopt;
  }
  if (base_distance_ == 0 || base_distance_ > entry_offset_ - pack_header_bytes) {
    return malformed();
  }
  begin_data();
  return note_delta(entry_offset_ - base_distance_);
}

/// A delta whose base is an object of its own begins a chain of one. What is named by id may be anywhere, and has a
/// chain that is not known here.
std::optional<Error> PackScan::note_delta(std::uint64_t base_offset) {
  std::uint64_t chain = 1;
  const auto base = std::lower_bound(deltas_.begin(), deltas_.end(), base_offset << chain_bits);
  if (base != deltas_.end() && *base >> chain_bits == base_offset) {
    chain += *base & ((1U << chain_bits) - 1);
  }
  if (chain > max_delta_chain) {
    return Error(ErrorClass::limit,
                 "the pack has more than " + std::to_string(max_delta_chain) + " deltas that stand on each other");
  }
  deltas_.push_back(entry_offset_ << chain_bits | chain);
  chain_ = chain;
  return std::nullopt;
}

void PackScan::begin_data() {
  held_.clear();
  delta_start_.clear();
  inflated_bytes_ = 0;
  chain_ = type_ == ref_delta ? 1 : 0;
  result_bytes_ = 0;
  inflateReset(&stream_);
  part_ = Part::data;
}

std::optional<Error> PackScan::inflate_some(std::string_view& bytes) {
  static thread_local std::array<unsigned char, inflate_buffer_bytes> buffer;
  const std::size_t offered = std::min<std::size_t>(bytes.size(), std::numeric_limits<unsigned>::max());
  // zlib's interface is older than const; it does not write to its input.
  stream_.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<unsigned>(offered);
  int code = Z_OK;
  do {
    stream_.next_out = buffer.data();
    stream_.avail_out = static_cast<unsigned>(buffer.size());
    code = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t produced = buffer.size() - stream_.avail_out;
    if (is_delta(type_) && delta_start_.size() < delta_start_bytes) {
      const std::size_t count = std::min(produced, delta_start_bytes - delta_start_.size());
      std::transform(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count),
                     std::back_inserter(delta_start_), [](unsigned char byte) { return static_cast<char>(byte); });
      if (auto error = check_result_size()) {
        return error;
      }
    }
    inflated_bytes_ += produced;
    if (inflated_bytes_ > size_ || (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)) {
      return malformed();
    }
  } while (code == Z_OK && stream_.avail_out == 0);
  bytes.remove_prefix(offered - stream_.avail_in);
  if (code == Z_STREAM_END) {
    if (inflated_bytes_ != size_) {
      return malformed();
    }
    count_unfolding();
    part_ = --entries_left_ == 0 ? Part::trailer : Part::entry_header;
  } else if (stream_.avail_in != 0) {
    return malformed();
  }
  return std::nullopt;
}

void PackScan::count_unfolding() noexcept {
  const std::uint64_t counted = std::min(chain_, counted_chain);
  const std::uint64_t bytes = std::min(result_bytes_, UINT64_MAX / counted_chain) * counted;
  unfolded_bytes_ = add_saturating(unfolded_bytes_, bytes);
  if (result_bytes_ > cached_object_bytes) {
    large_unfolded_bytes_ = add_saturating(large_unfolded_bytes_, bytes);
  }
}

std::optional<Error> PackScan::check_result_size() {
  std::size_t at = 0;
  std::uint64_t value = 0;
  std::uint64_t largest = 0;
  for (int number = 0; number < 2; ++number) {
    value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at == delta_start_.size()) {
        return std::nullopt;  // more will come, or the delta is short and libgit2 refuses it
      }
      if (shift > max_number_shift) {
        return malformed();
      }
      const auto byte = static_cast<std::uint8_t>(delta_start_[at++]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        break;
      }
    }
    largest = std::max(largest, value);
  }
  largest_delta_bytes_ = std::max(largest_delta_bytes_, largest);
  result_bytes_ = value;
  return value > max_object_bytes_ ? std::optional(too_large(value)) : std::nullopt;
}

}  // namespace adapter::store
