// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace adapter::publish {

/// Holds many short strings in a few large blocks. A view that add() returned stays valid as long as the arena, or the
/// arena that absorbed it, lives; moving the arena does not move the strings. Not for several threads.
class StringArena {
public:
  /// A copy of `text`; an empty text takes no room.
  [[nodiscard]] std::string_view add(std::string_view text);
  /// Takes over the strings of `other`.
  void absorb(StringArena&& other);

private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace adapter::publish
