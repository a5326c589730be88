// SPDX-License-Identifier: Apache-2.0
#include "string_arena.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace adapter::publish {
namespace {

constexpr std::size_t block_bytes = std::size_t{64} * 1024;

}  // namespace

std::string_view StringArena::add(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  if (text.size() > left_) {
    const std::size_t size = std::max(block_bytes, text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    next_ = blocks_.back().get();
    left_ = size;
  }
  char* const copy = next_;
  std::memcpy(copy, text.data(), text.size());
  next_ += text.size();
  left_ -= text.size();
  return {copy, text.size()};
}

void StringArena::absorb(StringArena&& other) {
  std::move(other.blocks_.begin(), other.blocks_.end(), std::back_inserter(blocks_));
  other.blocks_.clear();
  other.next_ = nullptr;
  other.left_ = 0;
}

}  // namespace adapter::publish
