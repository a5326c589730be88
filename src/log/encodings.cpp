// SPDX-License-Identifier: Apache-2.0
#include "encodings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::log {
namespace {

/// Fewer hexadecimal digits than the shortest secret has are no encoding.
constexpr std::size_t min_hex_digits = 8;

struct NamedEntity {
  std::string_view name;
  char32_t code = 0;
};

/// Those of HTML for the characters of ASCII.
constexpr auto ascii_entities = std::to_array<NamedEntity>(
    {{"AMP", '&'},    {"GT", '>'},       {"Hat", '^'},    {"LT", '<'},     {"NewLine", '\n'}, {"QUOT", '"'},
     {"Tab", '\t'},   {"UnderBar", '_'}, {"amp", '&'},    {"apos", '\''},  {"ast", '*'},      {"bsol", '\\'},
     {"colon", ':'},  {"comma", ','},    {"commat", '@'}, {"dollar", '$'}, {"equals", '='},   {"excl", '!'},
     {"grave", '`'},  {"gt", '>'},       {"lbrace", '{'}, {"lbrack", '['}, {"lcub", '{'},     {"lowbar", '_'},
     {"lpar", '('},   {"lsqb", '['},     {"lt", '<'},     {"midast", '*'}, {"num", '#'},      {"percnt", '%'},
     {"period", '.'}, {"plus", '+'},     {"quest", '?'},  {"quot", '"'},   {"rbrace", '}'},   {"rbrack", ']'},
     {"rcub", '}'},   {"rpar", ')'},     {"rsqb", ']'},   {"semi", ';'},   {"sol", '/'},      {"verbar", '|'},
     {"vert", '|'}});

/// From U+00A0 on.
constexpr auto latin1_entities = std::to_array<std::string_view>(
    {"nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
     "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
     "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
     "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
     "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
     "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
     "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
     "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
     "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"});
static_assert(latin1_entities.size() == 0x60);

/// "lt" and "#9" are the shortest.
constexpr std::size_t min_entity_name_bytes = 2;

constexpr std::string_view letter_escapes = "abefnrtv";
constexpr std::string_view escaped_bytes = "\a\b\x1b\f\n\r\t\v";

/// nullopt unless all of `text`, one character or more, are digits to this base.
std::optional<char32_t> parse_digits(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool is_whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  return is_whole ? std::optional<char32_t>(value) : std::nullopt;
}

/// The `count` digits at `at`.
std::optional<char32_t> digits_at(std::string_view text, std::size_t at, std::size_t count, int base) {
  return at + count <= text.size() ? parse_digits(text.substr(at, count), base) : std::nullopt;
}

bool is_surrogate(char32_t code, char32_t first) noexcept {
  return code >= first && code < first + 0x400;
}

std::optional<Unit> byte_unit(std::optional<char32_t> value, std::size_t length) {
  return value && *value < 0x100 ? std::optional(Unit{std::string(1, static_cast<char>(*value)), length})
                                 : std::nullopt;
}

/// RFC 3629 §3.
std::string utf8_of(char32_t code) {
  const std::size_t following = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr std::array<unsigned, 4> marks = {0, 0xC0, 0xE0, 0xF0};
  std::string bytes(1, static_cast<char>(marks[following] | (code >> (6 * following))));
  for (std::size_t i = following; i > 0; --i) {
    bytes.push_back(static_cast<char>(0x80U | ((code >> (6 * (i - 1))) & 0x3FU)));
  }
  return bytes;
}

std::optional<Unit> code_unit(std::optional<char32_t> code, std::size_t length) {
  if (!code || *code > 0x10FFFF || is_surrogate(*code, 0xD800) || is_surrogate(*code, 0xDC00)) {
    return std::nullopt;
  }
  return Unit{utf8_of(*code), length};
}

/// "\uXXXX", or "%uXXXX", and a second one where the first is half of a pair.
std::optional<Unit> utf16_unit(std::string_view text) {
  const std::optional<char32_t> first = digits_at(text, 2, 4, 16);
  if (!first || !is_surrogate(*first, 0xD800)) {
    return code_unit(first, 6);
  }
  const std::optional<char32_t> second =
      text.substr(6).starts_with(text.substr(0, 2)) ? digits_at(text, 8, 4, 16) : std::nullopt;
  if (!second || !is_surrogate(*second, 0xDC00)) {
    return std::nullopt;
  }
  return code_unit(0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00), 12);
}

/// "\u{X…}".
std::optional<Unit> braced_unit(std::string_view text) {
  const std::size_t end = text.substr(0, max_unit_bytes).find('}');
  return end != std::string_view::npos ? code_unit(parse_digits(text.substr(3, end - 3), 16), end + 1) : std::nullopt;
}

std::optional<Unit> percent_unit(std::string_view text) {
  return text.substr(1).starts_with('u') ? utf16_unit(text) : byte_unit(digits_at(text, 1, 2, 16), 3);
}

std::optional<Unit> backslash_unit(std::string_view text) {
  if (text.size() < 2) {
    return std::nullopt;
  }
  const char kind = text[1];
  if (kind == 'x') {
    return byte_unit(digits_at(text, 2, 2, 16), 4);
  }
  if (kind == 'u') {
    return text.substr(2).starts_with('{') ? braced_unit(text) : utf16_unit(text);
  }
  if (kind == 'U') {
    return code_unit(digits_at(text, 2, 8, 16), 10);
  }
  if (kind >= '0' && kind <= '7') {
    return byte_unit(digits_at(text, 1, 3, 8), 4);
  }
  const std::size_t letter = letter_escapes.find(kind);
  if (letter != std::string_view::npos) {
    return Unit{std::string(1, escaped_bytes[letter]), 2};
  }
  const bool is_itself = kind == ' ' || std::ispunct(static_cast<unsigned char>(kind)) != 0;
  return is_itself ? std::optional(Unit{std::string(1, kind), 2}) : std::nullopt;
}

std::optional<char32_t> code_of_entity(std::string_view name) {
  if (name.starts_with("#x") || name.starts_with("#X")) {
    return parse_digits(name.substr(2), 16);
  }
  if (name.starts_with('#')) {
    return parse_digits(name.substr(1), 10);
  }
  const auto* const ascii = std::find_if(ascii_entities.begin(), ascii_entities.end(),
                                         [&](const NamedEntity& each) { return each.name == name; });
  if (ascii != ascii_entities.end()) {
    return ascii->code;
  }
  const auto* const latin1 = std::find(latin1_entities.begin(), latin1_entities.end(), name);
  return latin1 != latin1_entities.end() ? std::optional<char32_t>(0xA0 + (latin1 - latin1_entities.begin()))
                                         : std::nullopt;
}

/// The longest name that begins the text behind "&" counts, as in HTML.
std::optional<Unit> entity_unit(std::string_view text) {
  const std::string_view rest = text.substr(1, max_unit_bytes - 2);
  const auto* const end =
      std::find_if_not(rest.begin(), rest.end(), [](unsigned char c) { return c == '#' || std::isalnum(c) != 0; });
  for (auto size = static_cast<std::size_t>(end - rest.begin()); size >= min_entity_name_bytes; --size) {
    const std::optional<char32_t> code = code_of_entity(rest.substr(0, size));
    const std::string_view behind = text.substr(1 + size);
    if (code && !behind.starts_with(cut_mark)) {
      return code_unit(code, 1 + size + (behind.starts_with(';') ? 1 : 0));
    }
  }
  return std::nullopt;
}

char lead_of(Encoding encoding) noexcept {
  return encoding == Encoding::percent ? '%' : encoding == Encoding::backslash ? '\\' : '&';
}

void append(Decoded& to, std::string_view bytes, Span origin) {
  to.text += bytes;
  to.origins.insert(to.origins.end(), bytes.size(), origin);
}

void append_as_it_is(Decoded& to, std::string_view text, Span span) {
  to.text += text.substr(span.begin, span.end - span.begin);
  for (std::size_t at = span.begin; at < span.end; ++at) {
    to.origins.push_back({at, at + 1});
  }
}

/// Moves `at` past `length` bytes that a cut left of what follows `to`.
void skip_before_cut(Decoded& to, std::size_t& at, std::size_t length) {
  at += length;
  if (!to.origins.empty()) {
    to.origins.back().end = at;
  }
}

std::optional<Decoded> decoded_units(char lead, std::string_view text) {
  Decoded out;
  bool changed = false;
  std::size_t at = 0;
  for (std::size_t next = text.find(lead); next != std::string_view::npos; next = text.find(lead, at)) {
    append_as_it_is(out, text, {at, next});
    const std::optional<Unit> unit = read_unit(text.substr(next));
    const std::optional<std::size_t> cut = unit ? std::nullopt : bytes_before_cut(text.substr(next));
    at = next;
    if (cut) {
      skip_before_cut(out, at, *cut);
    } else {
      at += unit ? unit->length : 1;
      append(out, unit ? std::string_view(unit->bytes) : text.substr(next, 1), {next, at});
    }
    changed = changed || unit || cut;
  }
  append_as_it_is(out, text, {at, text.size()});
  return changed ? std::optional(std::move(out)) : std::nullopt;
}

std::size_t hex_digits_at(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  while (end < text.size() && hex_value(text[end]) >= 0) {
    ++end;
  }
  return end - at;
}

std::optional<Decoded> decoded_hex(std::size_t shift, std::string_view text) {
  Decoded out;
  bool changed = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t digits = hex_digits_at(text, at);
    if (digits < min_hex_digits + shift) {
      const std::size_t end = at + std::max<std::size_t>(digits, 1);
      append_as_it_is(out, text, {at, end});
      at = end;
      continue;
    }
    append_as_it_is(out, text, {at, at + shift});
    at += shift;
    for (std::size_t pair = (digits - shift) / 2; pair > 0; --pair) {
      const int value = hex_value(text[at]) * 16 + hex_value(text[at + 1]);
      append(out, std::string(1, static_cast<char>(value)), {at, at + 2});
      at += 2;
    }
    if (hex_digits_at(text, at) == 1 && text.substr(at + 1).starts_with(cut_mark)) {
      skip_before_cut(out, at, 1);
    }
    changed = true;
  }
  return changed ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

std::optional<Unit> read_unit(std::string_view text) {
  switch (text.empty() ? '\0' : text.front()) {
    case '%':
      return percent_unit(text);
    case '\\':
      return backslash_unit(text);
    case '&':
      return entity_unit(text);
    case '+':
      return Unit{" ", 1};
    default:
      return std::nullopt;
  }
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    out += utf8_of(static_cast<unsigned char>(byte));
  }
  return out;
}

std::optional<std::string> latin1_of_utf8(std::string_view text) {
  if (!is_valid_utf8(text)) {
    return std::nullopt;
  }
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      out.push_back(text[at]);
    } else if (lead < 0xC4) {
      ++at;
      out.push_back(static_cast<char>(unsigned{lead} << 6U | (static_cast<unsigned>(text[at]) & 0x3FU)));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::size_t> bytes_before_cut(std::string_view text) {
  const std::size_t mark = text.substr(0, max_unit_bytes + cut_mark.size()).find(cut_mark);
  const bool follows =
      mark == 0 || (mark != std::string_view::npos && unit_leads.find(text[0]) != std::string_view::npos);
  return follows ? std::optional(mark) : std::nullopt;
}

std::optional<Decoded> decoded(Encoding encoding, std::string_view text) {
  switch (encoding) {
    case Encoding::hex:
      return decoded_hex(0, text);
    case Encoding::shifted_hex:
      return decoded_hex(1, text);
    default:
      return decoded_units(lead_of(encoding), text);
  }
}

}  // namespace adapter::log
