// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/secret.hpp"

#include <string.h>

namespace adapter {

Secret::Secret(std::string&& bytes) : bytes_(bytes) {
  explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

Secret::Secret(std::string_view bytes) : bytes_(bytes) {}

// A short string lives inside the object: moving it leaves a copy behind, so a move is a copy and a wipe.
Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {
  other.wipe();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    bytes_ = other.bytes_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() noexcept {
  // The whole capacity: a moved-from or shortened string still holds the bytes behind its end.
  bytes_.resize(bytes_.capacity());
  explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

bool operator==(const Secret& left, const Secret& right) noexcept {
  return constant_time_equal(left.bytes_, right.bytes_);
}

bool constant_time_equal(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) {
    return false;
  }
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]));
  }
  return difference == 0;
}

}  // namespace adapter
