// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "yaml.hpp"

/// What lies behind a fault of YAML's syntax. Pure.
namespace adapter::config {

/// The text from a mark on; empty past its end.
[[nodiscard]] std::string_view text_at(std::string_view text, Mark mark);
/// The whole line of a mark, without its end.
[[nodiscard]] std::string_view line_at(std::string_view text, Mark mark);

/// What a fault of syntax at `mark` is as a rule, and its cure, as the end of a message ("; …"); the parser's own words
/// name the rule of the grammar. Looks at the line of the mark and at the one before, where such a fault often began.
/// Never repeats a value, which may be a secret.
[[nodiscard]] std::string usual_cause(std::string_view text, Mark mark);

/// Whether a line is "key:value", which YAML reads as one word.
[[nodiscard]] bool lacks_blank_after_colon(std::string_view line);

}  // namespace adapter::config
