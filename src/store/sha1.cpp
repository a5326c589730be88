// SPDX-License-Identifier: Apache-2.0
#include "sha1.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace adapter::store {
namespace {

constexpr std::size_t block_bytes = 64;
constexpr std::size_t length_offset = 56;

}  // namespace

void Sha1::block(const std::uint8_t* data) noexcept {
  std::array<std::uint32_t, 80> word{};
  for (std::size_t at = 0; at < 16; ++at) {
    word[at] = static_cast<std::uint32_t>(data[4 * at]) << 24U | static_cast<std::uint32_t>(data[4 * at + 1]) << 16U |
               static_cast<std::uint32_t>(data[4 * at + 2]) << 8U | data[4 * at + 3];
  }
  for (std::size_t at = 16; at < word.size(); ++at) {
    word[at] = std::rotl(word[at - 3] ^ word[at - 8] ^ word[at - 14] ^ word[at - 16], 1);
  }
  auto [a, b, c, d, e] = state_;
  for (std::size_t at = 0; at < word.size(); ++at) {
    std::uint32_t mixed = 0;
    std::uint32_t constant = 0;
    if (at < 20) {
      mixed = (b & c) | (~b & d);
      constant = 0x5A827999;
    } else if (at < 40) {
      mixed = b ^ c ^ d;
      constant = 0x6ED9EBA1;
    } else if (at < 60) {
      mixed = (b & c) | (b & d) | (c & d);
      constant = 0x8F1BBCDC;
    } else {
      mixed = b ^ c ^ d;
      constant = 0xCA62C1D6;
    }
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + constant + word[at];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
  state_[4] += e;
}

void Sha1::update(std::string_view bytes) noexcept {
  total_bytes_ += bytes.size();
  if (pending_size_ > 0) {
    const std::size_t count = std::min(bytes.size(), block_bytes - pending_size_);
    std::memcpy(pending_.data() + pending_size_, bytes.data(), count);
    pending_size_ += count;
    bytes.remove_prefix(count);
    if (pending_size_ < block_bytes) {
      return;
    }
    block(pending_.data());
    pending_size_ = 0;
  }
  for (; bytes.size() >= block_bytes; bytes.remove_prefix(block_bytes)) {
    std::array<std::uint8_t, block_bytes> whole;
    std::memcpy(whole.data(), bytes.data(), block_bytes);
    block(whole.data());
  }
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
  pending_size_ = bytes.size();
}

ObjectId Sha1::finish() noexcept {
  const std::uint64_t bits = total_bytes_ * 8;
  update(std::string_view("\x80", 1));
  while (pending_size_ != length_offset) {
    update(std::string_view("\0", 1));
  }
  std::array<char, 8> length{};
  for (std::size_t at = 0; at < length.size(); ++at) {
    length[at] = static_cast<char>(bits >> (56 - 8 * at));
  }
  update(std::string_view(length.data(), length.size()));
  std::array<std::uint8_t, ObjectId::size_bytes> digest{};
  for (std::size_t at = 0; at < digest.size(); ++at) {
    digest[at] = static_cast<std::uint8_t>(state_[at / 4] >> (24 - 8 * (at % 4)));
  }
  return ObjectId(std::span<const std::uint8_t, ObjectId::size_bytes>(digest));
}

}  // namespace adapter::store
