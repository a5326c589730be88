// SPDX-License-Identifier: Apache-2.0
#include "syntax_hint.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace adapter::config {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view no_break_space = "\xC2\xA0";

bool is_in_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// The nearest line above that holds more than a comment; nothing for none.
std::optional<std::uint32_t> line_before(std::string_view text, std::uint32_t line) {
  while (line > 1) {
    --line;
    const std::string_view content = line_at(text, Mark{line, 1});
    const std::size_t first = content.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && content[first] != '#') {
      return line;
    }
  }
  return std::nullopt;
}

/// Whether `mark` ("${" or "?") stands without quotes inside {…} or […], where YAML gives it a meaning of its own.
bool has_bare_in_flow(std::string_view line, std::string_view mark) {
  char quote = '\0';
  bool in_flow = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      i += quote == '"' && c == '\\' ? 1 : 0;
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (line.substr(i).starts_with(mark)) {
      if (in_flow) {
        return true;
      }
    } else if (c == '{' || c == '[') {
      in_flow = true;
    }
  }
  return false;
}

/// What stands in one line and breaks YAML there or in the next.
std::string cause_in(std::string_view text, std::uint32_t number) {
  const std::string_view line = line_at(text, Mark{number, 1});
  const std::string place = "; line " + std::to_string(number);
  if (line.find(no_break_space) != std::string_view::npos) {
    return place + " holds a no-break space (U+00A0), which is no blank in YAML; write a blank in its place";
  }
  if (lacks_blank_after_colon(line)) {
    return place + " has no blank after its colon; write key: value";
  }
  return {};
}

}  // namespace

std::string_view text_at(std::string_view text, Mark mark) {
  std::size_t start = 0;
  for (std::uint32_t line = 1; line < mark.line; ++line) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) {
      return {};
    }
    start = end + 1;
  }
  return text.substr(std::min<std::size_t>(start + mark.column - 1, text.size()));
}

std::string_view line_at(std::string_view text, Mark mark) {
  const std::string_view rest = text_at(text, Mark{mark.line, 1});
  return rest.substr(0, rest.find('\n'));
}

bool lacks_blank_after_colon(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t-"), line.size()));
  const auto end = std::find_if_not(line.begin(), line.end(), is_in_key);
  const auto length = static_cast<std::size_t>(end - line.begin());
  if (length == 0 || length + 1 >= line.size() || line[length] != ':') {
    return false;
  }
  const std::string_view value = line.substr(length + 1);
  return blanks.find(value.front()) == std::string_view::npos && value.front() != '\r' && !value.starts_with("//");
}

std::string usual_cause(std::string_view text, Mark mark) {
  const std::string_view line = line_at(text, mark);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(blanks));
  if (indentation.find('\t') != std::string_view::npos) {
    return "; a tab does not indent in YAML, write blanks";
  }
  if (has_bare_in_flow(line, "${")) {
    return "; inside {…} and […] a variable has to be in quotes, write \"${NAME}\"";
  }
  if (has_bare_in_flow(line, "?")) {
    return "; inside {…} and […] a value that holds a ? has to be in quotes";
  }
  if (std::string cause = cause_in(text, mark.line); !cause.empty()) {
    return cause;
  }
  if (const auto before = line_before(text, mark.line)) {
    if (std::string cause = cause_in(text, *before); !cause.empty()) {
      return cause;
    }
  }
  constexpr std::string_view special = "*&!@`%|>";
  const std::string_view value = text_at(text, mark);
  if (!value.empty() && special.find(value.front()) != std::string_view::npos) {
    return std::string("; a value that begins with ") + value.front() + " has to be in quotes";
  }
  const std::size_t colon = line.find(": ");
  if (colon != std::string_view::npos && line.find(": ", colon + 2) != std::string_view::npos) {
    return "; a value that holds a colon and a blank has to be in quotes";
  }
  return "; keys of one entry begin in the same column, and those of an entry further to the right than its dash";
}

}  // namespace adapter::config
