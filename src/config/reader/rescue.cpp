// SPDX-License-Identifier: Apache-2.0
#include "rescue.hpp"

#include <algorithm>
#include <string>

namespace adapter::config {
namespace {

bool begins_with_key(std::string_view line, std::string_view key) {
  return line.starts_with(key) && line.substr(key.size()).starts_with(':');
}

/// Whether a line can belong to the block that an earlier one began.
bool is_inside_block(std::string_view line) {
  return line.empty() || line.front() == ' ' || line.front() == '\t' || line.front() == '\r' || line.front() == '#';
}

/// The lines of a key at the left margin; empty: it has none.
std::string_view block_of(std::string_view text, std::string_view key) {
  std::size_t begin = std::string_view::npos;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    if (begin == std::string_view::npos) {
      begin = begins_with_key(line, key) ? start : begin;
    } else if (!is_inside_block(line)) {
      return text.substr(begin, start - begin);
    }
    start = end + 1;
  }
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

}  // namespace

Document rescue(const Document& broken, std::string_view key) {
  const std::string_view block = block_of(broken.text(), key);
  Document part = Document::parse_beginning(broken.name(), block.empty() ? broken.text() : std::string(block));
  part.set_directory(broken.directory());
  return part;
}

}  // namespace adapter::config
