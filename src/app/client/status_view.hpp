// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/error.hpp"

/// How `status` shows what the daemon answers. Pure. Everything in the results is escaped.
namespace adapter::app {

/// One repository's line.
struct StatusRow {
  std::string name;
  std::string health;  ///< ok, failing, stale, pending, empty or suspended
  std::string ref;
  std::string commit;  ///< twelve digits, "-" before the first one
  std::string age;     ///< since the last successful check: "25s", "4m", "3h", "2d", "-"
  std::string next;    ///< until the next check: "25s", "now", "-"; or what is being done: "fetching"
  std::string reason;  ///< why it is not ok, or how far a transfer is; may be empty
};

struct StatusList {
  bool configured = false;
  bool ready = false;
  std::optional<bool> sandboxed;  ///< whether the daemon confined itself, where it says so
  /// Why the last reload failed, "config.yaml:3:5: unknown key (2 more)"; empty when it did not.
  std::string reload_problem;
  std::vector<StatusRow> rows;
};

/// Reads the answer to GET /api/v1/repositories. Error of class protocol when it is something else.
[[nodiscard]] Result<StatusList> read_status(std::string_view body);

/// What there is room for.
struct View {
  std::size_t width = 0;  ///< columns of the terminal; 0: no limit
  std::size_t rows = 0;   ///< repositories; 0: no limit. Where they do not all fit, those that are not ok go first.
  bool colours = false;
};

/// The table under its head, and a line that counts: "3 repositories: 2 ok, 1 stale; not ready; sandbox on". Each line
/// ends with a line feed and is at most `width` columns wide. A line before the last says that the last reload failed.
[[nodiscard]] std::string render_status(const StatusList& list, const View& view);

/// Columns of a terminal that valid UTF-8 takes: none for combining characters, two for wide ones.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;
/// At most `width` columns of it; "…" stands for what was cut off.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t width);

}  // namespace adapter::app
