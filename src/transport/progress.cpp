// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <algorithm>

#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"

namespace adapter::transport {
namespace {

/// One more than is shown, so that escape() marks the cut: log::redacted() looks for the mark.
constexpr std::size_t max_kept_bytes = max_sideband_line_bytes + 1;

}  // namespace

void ProgressLines::feed(std::string_view text) {
  while (!text.empty()) {
    const std::size_t cut = std::min(text.find_first_of("\r\n"), text.size());
    const std::size_t room = max_kept_bytes - std::min(line_.size(), max_kept_bytes);
    line_ += text.substr(0, std::min(cut, room));
    if (cut == text.size()) {
      return;
    }
    end();
    text.remove_prefix(cut + 1);
  }
}

void ProgressLines::end() {
  const std::string_view line = trim(line_);
  if (!line.empty()) {
    take_(escape(line, max_sideband_line_bytes));
  }
  line_.clear();
}

}  // namespace adapter::transport
