// SPDX-License-Identifier: Apache-2.0
#include "blob_hash.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"

namespace adapter::publish {
namespace {

/// SHA-1 as in FIPS 180-4, section 6.1.
class Sha1 {
public:
  void add(std::span<const std::uint8_t> bytes) noexcept {
    size_bytes_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), block_.size() - used_);
      std::memcpy(block_.data() + used_, bytes.data(), count);
      used_ += count;
      bytes = bytes.subspan(count);
      if (used_ == block_.size()) {
        mix();
        used_ = 0;
      }
    }
  }

  [[nodiscard]] ObjectId finish() noexcept {
    const std::uint64_t size_bits = size_bytes_ * 8;
    const std::uint8_t one = 0x80;
    const std::uint8_t zero = 0;
    add({&one, 1});
    while (used_ != block_.size() - sizeof size_bits) {
      add({&zero, 1});
    }
    std::array<std::uint8_t, sizeof size_bits> length{};
    for (std::size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<std::uint8_t>(size_bits >> (56 - 8 * i));
    }
    add(length);
    std::array<std::uint8_t, ObjectId::size_bytes> digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
    }
    return ObjectId(digest);
  }

private:
  void mix() noexcept {
    std::array<std::uint32_t, 80> words{};
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        words[i] = (words[i] << 8U) | block_[4 * i + j];
      }
    }
    for (std::size_t i = 16; i < words.size(); ++i) {
      words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    auto [a, b, c, d, e] = state_;
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::uint32_t f = b ^ c ^ d;
      std::uint32_t k = i < 40 ? 0x6ED9EBA1U : 0xCA62C1D6U;
      if (i < 20) {
        f = (b & c) | (~b & d);
        k = 0x5A827999U;
      } else if (i >= 40 && i < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8F1BBCDCU;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + words[i];
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

  std::array<std::uint32_t, 5> state_{0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U, 0xC3D2E1F0U};
  std::array<std::uint8_t, 64> block_{};
  std::size_t used_ = 0;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

std::optional<ObjectId> blob_id_of(int file, std::uint64_t size_bytes, const std::stop_token& stop) {
  Sha1 sum;
  const std::string head = "blob " + std::to_string(size_bytes) + '\0';
  for (const char byte : head) {
    const auto value = static_cast<std::uint8_t>(byte);
    sum.add({&value, 1});
  }
  std::vector<std::uint8_t> buffer(256 * kib);
  std::uint64_t done = 0;
  while (true) {
    throw_if_stopped(stop, "reading the tree");
    const ssize_t count = pread(file, buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::nullopt;
    }
    if (count == 0) {
      break;
    }
    sum.add(std::span(buffer).first(static_cast<std::size_t>(count)));
    done += static_cast<std::uint64_t>(count);
    if (done > size_bytes) {
      return std::nullopt;
    }
  }
  return done == size_bytes ? std::optional(sum.finish()) : std::nullopt;
}

}  // namespace adapter::publish
