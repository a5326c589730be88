// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The ways in which servers, and escape(), write one character as several. Pure.
namespace adapter::log {

/// The bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A character that an encoding wrote.
struct Unit {
  std::string bytes;       ///< what was encoded, as UTF-8
  std::size_t length = 0;  ///< of what the encoding wrote
};

/// The bytes that a unit may begin with.
inline constexpr std::string_view unit_leads = "%\\&+";
/// The longest unit: a pair of surrogates as "\uD83D\uDE00".
inline constexpr std::size_t max_unit_bytes = 12;

/// The unit at the start of `text`: %XX and %uXXXX; a plus, which is a blank in forms; a backslash escape of JSON, C, a
/// shell or escape(); an HTML entity, named (those of ASCII and Latin-1) or numeric, with its ";" or without. nullopt
/// where there is none.
[[nodiscard]] std::optional<Unit> read_unit(std::string_view text);

/// `text` with each byte taken for a character of Latin-1.
[[nodiscard]] std::string utf8_of_latin1(std::string_view text);
/// nullopt where `text` is not UTF-8, or has a character that Latin-1 lacks.
[[nodiscard]] std::optional<std::string> latin1_of_utf8(std::string_view text);

/// Marks where escape() cut a text.
inline constexpr std::string_view cut_mark = "…";

/// How many bytes of a unit are left between the start of `text` and the mark of a cut: zero before the mark itself.
/// nullopt where no mark follows, and where other text than the beginning of a unit stands before it.
[[nodiscard]] std::optional<std::size_t> bytes_before_cut(std::string_view text);

/// Encodings of a whole text. Hexadecimal digits are read in pairs; `shifted_hex` begins with the second of a run.
/// What a cut left of a unit or of a pair decodes to no byte, and belongs to the origin of the byte before it.
enum class Encoding : std::uint8_t { percent, backslash, entity, hex, shifted_hex };
inline constexpr auto all_encodings = {Encoding::percent, Encoding::backslash, Encoding::entity, Encoding::hex,
                                       Encoding::shifted_hex};

/// A text without one of its encodings.
struct Decoded {
  std::string text;
  std::vector<Span> origins;  ///< for each byte of `text` what it was decoded from

  /// What the bytes `span` of `text` were decoded from; `span` is not empty.
  [[nodiscard]] Span origin_of(Span span) const { return {origins[span.begin].begin, origins[span.end - 1].end}; }
};

/// nullopt where nothing in `text` is so encoded.
[[nodiscard]] std::optional<Decoded> decoded(Encoding encoding, std::string_view text);

}  // namespace adapter::log
