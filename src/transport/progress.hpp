// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace adapter::transport {

/// Cuts the server's progress text, which comes in arbitrary pieces, into lines at CR and LF. Lines are escaped and cut
/// to max_sideband_line_bytes and "…"; empty ones are dropped.
class ProgressLines {
public:
  using Take = std::function<void(std::string_view line)>;

  explicit ProgressLines(Take take) : take_(std::move(take)) {}
  void feed(std::string_view text);
  void end();  ///< hands out what has no line end

private:
  Take take_;
  std::string line_;
};

}  // namespace adapter::transport
