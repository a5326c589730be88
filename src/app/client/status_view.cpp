// SPDX-License-Identifier: Apache-2.0
#include "client/status_view.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "client/json_fields.hpp"
#include "client/rough_time.hpp"

namespace adapter::app {
namespace {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr std::size_t short_commit_digits = 12;
constexpr std::size_t column_count = 7;
constexpr std::size_t gap = 2;
/// Below this nobody can read a reason: the other columns give way.
constexpr std::size_t least_reason_width = 24;
constexpr std::array<std::string_view, column_count> heads{"NAME", "HEALTH", "REF", "COMMIT", "AGE", "NEXT", "REASON"};
enum Column : std::size_t {
  name_column,
  health_column,
  ref_column,
  commit_column,
  age_column,
  next_column,
  reason_column
};
constexpr std::array<std::string_view, 6> healths{"ok", "failing", "stale", "pending", "empty", "suspended"};

/// "2026-11-23T12:00:00.123Z"; nothing for any other form.
std::optional<Time> parse_time(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != shape.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) {
      return std::nullopt;
    }
  }
  const auto number = [text](std::size_t begin, std::size_t count) {
    int value = 0;
    std::from_chars(text.data() + begin, text.data() + begin + count, value);
    return value;
  };
  namespace chrono = std::chrono;
  const auto day = static_cast<unsigned>(number(8, 2));
  const chrono::year_month_day date(chrono::year(number(0, 4)), chrono::month(static_cast<unsigned>(number(5, 2))),
                                    chrono::day(day));
  if (!date.ok()) {
    return std::nullopt;
  }
  return chrono::sys_days(date) + chrono::hours(number(11, 2)) + chrono::minutes(number(14, 2)) +
         chrono::seconds(number(17, 2)) + chrono::milliseconds(number(20, 3));
}

std::string rough(std::chrono::milliseconds time) {
  return rough_time(std::chrono::duration<double>(time).count());
}

/// How long ago; nothing when the field holds no time.
std::optional<std::string> since(const Json& object, const char* key, Time now) {
  const auto time = parse_time(text_in(object, key));
  return time ? std::optional(rough(now - *time)) : std::nullopt;
}

std::string next_of(const Json& repository, Time now) {
  const std::string phase = text_in(repository, "phase");
  if (phase == "suspended" || phase == "stopped") {
    return "-";
  }
  if (phase != "waiting" && phase != "backing_off") {
    return escape(phase);
  }
  const auto due = parse_time(text_in(repository, "next_due"));
  if (!due) {
    return "-";
  }
  return *due <= now ? "now" : rough(*due - now);
}

std::string progress_of(const Json& progress) {
  const auto whole = [&progress](const char* key) {
    return static_cast<std::uint64_t>(std::clamp(number_in(progress, key).value_or(0), 0.0, 1e18));
  };
  return std::to_string(whole("received_objects")) + "/" + std::to_string(whole("total_objects")) + " objects, " +
         format_size(whole("received_bytes"));
}

/// Without the URL in front, which is the same in every failure of a repository.
std::string text_of_failure(const Json& repository, const Json& failure) {
  const std::string text = text_in(failure, "text");
  const std::string address = text_in(repository, "url") + ": ";
  return escape(text.starts_with(address) ? text.substr(address.size()) : text);
}

std::string reason_of(const Json& repository, const std::string& health, Time now) {
  const Json* const failure = member(repository, "failure");
  if (failure != nullptr && failure->is_object()) {
    const auto count = static_cast<std::uint64_t>(std::clamp(number_in(*failure, "count").value_or(1), 1.0, 1e18));
    const std::string times =
        count == 1 ? std::string()
                   : ", " + std::to_string(count) + " times in " + since(*failure, "since", now).value_or("?");
    return escape(text_in(*failure, "class")) + times + ": " + text_of_failure(repository, *failure);
  }
  const Json* const progress = member(repository, "progress");
  if (progress != nullptr && progress->is_object() && number_in(*progress, "received_bytes").value_or(0) > 0) {
    return progress_of(*progress);
  }
  if (health == "empty") {
    return "the remote has no commit yet";
  }
  const auto allowed = number_in(repository, "max_staleness_seconds");
  if (health == "stale" && allowed) {
    return "no check succeeded within the last " + rough_time(*allowed);
  }
  return health == "ok" ? std::string() : escape(text_in(repository, "waiting_for"));
}

StatusRow row_of(const Json& repository, Time now) {
  StatusRow row;
  row.name = escape(text_in(repository, "name"));
  row.health = escape(text_in(repository, "health"));
  row.ref = escape(text_in(repository, "ref"));
  row.commit = escape(text_in(repository, "commit").substr(0, short_commit_digits));
  if (row.commit.empty()) {
    row.commit = "-";
  }
  row.age = since(repository, "last_success", now).value_or("-");
  row.next = next_of(repository, now);
  row.reason = reason_of(repository, row.health, now);
  return row;
}

std::string reload_problem_of(const Json& reload) {
  if (!reload.is_object() || flag_in(reload, "successful").value_or(true)) {
    return {};
  }
  const auto errors = static_cast<std::uint64_t>(std::clamp(number_in(reload, "errors").value_or(1), 1.0, 1e18));
  std::string problem = escape(text_in(reload, "problem"));
  if (problem.empty()) {
    problem = "the configuration has errors";
  }
  return errors > 1 ? problem + " (" + std::to_string(errors - 1) + " more)" : problem;
}

std::array<std::string_view, column_count> cells(const StatusRow& row) {
  return {row.name, row.health, row.ref, row.commit, row.age, row.next, row.reason};
}

using Widths = std::array<std::size_t, column_count>;

std::size_t up_to_reason(const Widths& widths) {
  return std::accumulate(widths.begin(), widths.end() - 1, std::size_t{0}) + gap * (column_count - 1);
}

/// As wide as the widest cell; where that is too much, the ref gives way first, then the name, then the commit.
Widths fit(const std::vector<const StatusRow*>& rows, std::size_t width) {
  Widths widths{};
  std::transform(heads.begin(), heads.end(), widths.begin(), display_width);
  for (const StatusRow* const row : rows) {
    const auto texts = cells(*row);
    for (std::size_t i = 0; i < column_count; ++i) {
      widths[i] = std::max(widths[i], display_width(texts[i]));
    }
  }
  if (width == 0) {
    return widths;
  }
  const std::size_t wanted = std::min(widths[reason_column], least_reason_width);
  for (const auto& [column, least] : {std::pair{ref_column, 6UL}, {name_column, 8UL}, {commit_column, 7UL}}) {
    const std::size_t total = up_to_reason(widths) + wanted;
    const std::size_t excess = total > width ? total - width : 0;
    widths[column] -= std::min(excess, widths[column] - std::min(widths[column], least));
  }
  widths[reason_column] = width - std::min(width, up_to_reason(widths));
  return widths;
}

std::string_view colour_of(std::string_view health) {
  if (health == "ok") {
    return "\x1b[32m";
  }
  if (health == "failing") {
    return "\x1b[33m";
  }
  return health == "stale" ? "\x1b[31m" : "\x1b[36m";
}

std::string line_of(const std::array<std::string_view, column_count>& texts, const Widths& widths, const View& view,
                    std::string_view colour) {
  std::string line;
  std::size_t used = 0;
  std::size_t blanks = 0;  // only written in front of something
  for (std::size_t i = 0; i < column_count; ++i) {
    const std::size_t room = view.width == 0 ? widths[i] : std::min(widths[i], view.width - std::min(view.width, used));
    const std::string cell = cut_to_width(texts[i], room);
    if (!cell.empty()) {
      line.append(std::exchange(blanks, 0), ' ');
      const bool coloured = i == health_column && !colour.empty();
      line += coloured ? std::string(colour) + cell + "\x1b[0m" : cell;
    }
    used += widths[i] + gap;
    blanks += widths[i] + gap - display_width(cell);
  }
  return line + "\n";
}

std::string summary(const StatusList& list) {
  if (!list.configured) {
    return "the daemon has no configuration yet; its log says where it looks for one";
  }
  if (list.rows.empty()) {
    return "the configuration names no repository";
  }
  std::map<std::string_view, std::size_t> counts;
  for (const StatusRow& row : list.rows) {
    ++counts[row.health];
  }
  std::string text;
  for (const std::string_view health : healths) {
    if (counts.contains(health)) {
      text += (text.empty() ? "" : ", ") + std::to_string(counts[health]) + " " + std::string(health);
    }
  }
  return std::to_string(list.rows.size()) + (list.rows.size() == 1 ? " repository: " : " repositories: ") + text +
         (list.ready ? "; ready" : "; not ready") +
         (!list.sandboxed   ? ""
          : *list.sandboxed ? "; sandbox on"
                            : "; no sandbox");
}

/// Those that there is room for, in the order of the list.
std::vector<const StatusRow*> chosen_rows(const StatusList& list, std::size_t limit) {
  std::vector<const StatusRow*> rows(list.rows.size());
  std::ranges::transform(list.rows, rows.begin(), [](const StatusRow& row) { return &row; });
  if (limit != 0 && rows.size() > limit) {
    std::ranges::stable_partition(rows, [](const StatusRow* row) { return row->health != "ok"; });
    rows.resize(limit);
  }
  return rows;
}

/// The code point at the start of valid UTF-8, and its bytes.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text.front());
  std::size_t length = first < 0x80U ? 1 : first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  length = std::min(length, text.size());
  std::uint32_t value = length == 1 ? first : first & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) {
    value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return {value, length};
}

std::size_t width_of(std::uint32_t value) noexcept {
  const auto within = [value](std::uint32_t first, std::uint32_t last) { return value >= first && value <= last; };
  if (within(0x300, 0x36F) || within(0x483, 0x489) || within(0x591, 0x5BD) || within(0x64B, 0x65F) ||
      within(0x1AB0, 0x1AFF) || within(0x1DC0, 0x1DFF) || within(0x20D0, 0x20FF) || within(0xFE20, 0xFE2F)) {
    return 0;
  }
  const bool wide = within(0x1100, 0x115F) || within(0x2E80, 0x303E) || within(0x3041, 0xA4CF) ||
                    within(0xAC00, 0xD7A3) || within(0xF900, 0xFAFF) || within(0xFE30, 0xFE6F) ||
                    within(0xFF00, 0xFF60) || within(0xFFE0, 0xFFE6) || within(0x1F300, 0x1F64F) ||
                    within(0x1F680, 0x1F6FF) || within(0x1F900, 0x1F9FF) || within(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

}  // namespace

Result<StatusList> read_status(std::string_view body) {
  const Json json = parse_json(body);
  const auto now = parse_time(text_in(json, "generated_at"));
  const Json* const repositories = member(json, "repositories");
  if (!now || repositories == nullptr || !repositories->is_array()) {
    return Error(ErrorClass::protocol, "the answer is not a list of repositories");
  }
  StatusList list;
  list.configured = flag_in(json, "configured").value_or(false);
  list.ready = flag_in(json, "ready").value_or(false);
  if (const Json* const sandbox = member(json, "sandbox")) {
    list.sandboxed = flag_in(*sandbox, "active");
  }
  if (const Json* const reload = member(json, "last_reload")) {
    list.reload_problem = reload_problem_of(*reload);
  }
  for (const Json& repository : *repositories) {
    list.rows.push_back(row_of(repository, *now));
  }
  return list;
}

std::string render_status(const StatusList& list, const View& view) {
  std::string out;
  const std::vector<const StatusRow*> rows = chosen_rows(list, view.rows);
  if (!rows.empty()) {
    const Widths widths = fit(rows, view.width);
    out += line_of(heads, widths, view, "");
    for (const StatusRow* const row : rows) {
      out += line_of(cells(*row), widths, view, view.colours ? colour_of(row->health) : "");
    }
  }
  if (!list.reload_problem.empty()) {
    const std::string line = "the last reload failed, the configuration before it is in use: " + list.reload_problem;
    out += (view.width == 0 ? line : cut_to_width(line, view.width)) + "\n";
  }
  std::string last = summary(list);
  if (rows.size() < list.rows.size()) {
    last = "(" + std::to_string(list.rows.size() - rows.size()) + " more) " + last;
  }
  return out + (view.width == 0 ? last : cut_to_width(last, view.width)) + "\n";
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [value, length] = code_point(text);
    width += width_of(value);
    text.remove_prefix(length);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) {
    return std::string(text);
  }
  if (width == 0) {
    return {};
  }
  std::string out;
  std::size_t used = 0;
  while (true) {
    const auto [value, length] = code_point(text);
    used += width_of(value);
    if (used >= width) {
      return out + "…";
    }
    out += text.substr(0, length);
    text.remove_prefix(length);
  }
}

}  // namespace adapter::app
