// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include <algorithm>
#include <charconv>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "expand.hpp"
#include "syntax_hint.hpp"

namespace adapter::config {
namespace {

constexpr std::string_view a_mapping = "a mapping (key: value)";

std::string_view what_it_is(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
  }
  return {};
}

/// The mistake of YAML's form that the value looks like, with its cure, as the end of a message; mostly empty.
std::string usual_mistake(const Value& value, std::string_view expected) {
  if (value.node->kind == Node::Kind::null && value.document->has_comment_for_value(value.key_mark)) {
    return ": a # after a blank begins a comment; put the value in quotes if the # belongs to it";
  }
  if (value.node->kind == Node::Kind::scalar && !value.node->quoted && expected.starts_with(a_mapping) &&
      lacks_blank_after_colon(value.node->text)) {
    return ": a colon without a blank after it; write key: value";
  }
  return {};
}

void wrong_type(Context& context, const Value& value, std::string_view expected) {
  context.report.error(value.place(), "wrong-type",
                       "expected " + std::string(expected) + ", found " + std::string(what_it_is(*value.node)) +
                           usual_mistake(value, expected));
}

std::string in_quotes(std::string_view text) {
  return "\"" + escape(text, 64) + "\"";
}

/// A scalar's text with its variables expanded; may be empty.
std::optional<std::string> read_scalar(Context& context, const Value& value, std::string_view expected) {
  if (value.node->kind != Node::Kind::scalar) {
    wrong_type(context, value, expected);
    return std::nullopt;
  }
  if (!context.expand_values) {
    return value.node->text;
  }
  Result<std::string> text = expand(value.node->text, context.environment);
  if (!text) {
    context.report.error(value.place(), "bad-variable", text.error().text());
    return std::nullopt;
  }
  return std::move(*text);
}

/// A number or a boolean: in quotes it would be text, unless a variable stands in it (which a flow mapping must quote).
std::optional<std::string> read_plain(Context& context, const Value& value, std::string_view expected) {
  std::optional<std::string> text = read_scalar(context, value, expected);
  if (text && value.node->quoted && context.expand_values && value.node->text.find('$') == std::string::npos) {
    context.report.error(value.place(), "wrong-type",
                         "expected " + std::string(expected) + ", found text; remove the quotes");
    return std::nullopt;
  }
  return text;
}

template <class T>
std::optional<T> check_range(Context& context, const Value& value, T number, T min, T max, std::string (*show)(T)) {
  if (number < min || number > max) {
    context.report.error(value.place(), "out-of-range",
                         show(number) + " is out of range; write " + show(min) + " to " + show(max));
    return std::nullopt;
  }
  return number;
}

std::string show_number(std::uint64_t number) {
  return std::to_string(number);
}

/// "2GiB" where that is exact, so that it can be copied into the file.
std::string show_size(std::uint64_t bytes) {
  static constexpr std::string_view units[] = {"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && bytes % 1024 == 0 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + std::string(units[unit]);
}

}  // namespace

Place Value::place() const {
  return {document, node->kind == Node::Kind::null || node->mark.line == 0 ? key_mark : node->mark, path};
}

std::optional<std::string> read_text(Context& context, const Value& value, std::string_view expected) {
  std::optional<std::string> text = read_scalar(context, value, expected);
  if (!text) {
    return std::nullopt;
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7F; };
  if (text->empty()) {
    context.report.error(value.place(), "bad-value", "is empty; write " + std::string(expected));
    return std::nullopt;
  }
  if (std::any_of(text->begin(), text->end(), is_control) || !is_valid_utf8(*text)) {
    context.report.error(value.place(), "bad-value",
                         "holds control characters or bytes that are not UTF-8; write " + std::string(expected));
    return std::nullopt;
  }
  return text;
}

std::optional<std::filesystem::path> read_path(Context& context, const Value& value) {
  const std::optional<std::string> text = read_text(context, value, "a path");
  if (!text) {
    return std::nullopt;
  }
  if (text->size() > 4095) {
    context.report.error(value.place(), "bad-value", "is longer than a path can be (4095 bytes)");
    return std::nullopt;
  }
  if (*text == "~" || text->starts_with("~/")) {
    context.report.error(value.place(), "bad-value", "~ is not expanded; write the full path, or ${HOME}");
    return std::nullopt;
  }
  std::filesystem::path path = (value.document->directory() / *text).lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) {
    path = path.parent_path();  // "a/b/" names a/b
  }
  return path;
}

std::optional<std::filesystem::path> read_named_file(Context& context, const Value& value, NamedFile::Kind kind) {
  std::optional<std::filesystem::path> path = read_path(context, value);
  if (path) {
    context.report.name_file(value.place(), *path, kind);
  }
  return path;
}

std::vector<Value> read_list(Context& context, const Value& value, std::string_view expected) {
  std::vector<Value> items;
  if (value.node->kind != Node::Kind::sequence) {
    wrong_type(context, value, expected);
    return items;
  }
  items.reserve(value.node->children.size());
  for (const Node* item : value.node->children) {
    items.push_back({value.document, item, item->mark, value.path + "[" + std::to_string(items.size()) + "]"});
  }
  return items;
}

Fields::Fields(Context& context, const Value& mapping, Section section) : context_(context), place_(mapping.place()) {
  if (mapping.node->kind != Node::Kind::mapping) {
    wrong_type(context, mapping, a_mapping);
    return;
  }
  const std::string prefix = mapping.path.empty() ? "" : mapping.path + ".";
  const std::vector<const Node*>& nodes = mapping.node->children;
  for (std::size_t i = 0; i + 1 < nodes.size(); i += 2) {
    const Node& key_node = *nodes[i];
    if (key_node.kind != Node::Kind::scalar) {
      context.report.error(
          {mapping.document, key_node.mark.line == 0 ? mapping.node->mark : key_node.mark, mapping.path}, "bad-key",
          "a key must be a single word, found " + std::string(what_it_is(key_node)));
      continue;
    }
    if (lacks_blank_after_colon(key_node.text)) {
      // The word is cut: what comes after the colon may be a secret.
      const std::string path = prefix + key_node.text.substr(0, key_node.text.find(':'));
      context.report.error({mapping.document, key_node.mark, path}, "bad-key",
                           "no blank follows the colon; write key: value");
      refused_a_key_ = true;
      continue;
    }
    Value value{mapping.document, nodes[i + 1], key_node.mark, prefix + key_node.text};
    const Place key_place{mapping.document, key_node.mark, value.path};
    const std::span<const Key> keys = keys_of(section);
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == key_node.text; });
    if (check_key(key == keys.end() ? nullptr : &*key, section, key_node.text, key_place)) {
      values_.emplace_back(key->name, std::move(value));
    } else {
      refused_a_key_ = true;
    }
  }
}

bool Fields::check_key(const Key* key, Section section, std::string_view text, const Place& place) const {
  if (key == nullptr) {
    context_.report.error(place, "unknown-key", explain_unknown(section, text));
    return false;
  }
  if (key->state == Key::State::later) {
    context_.report.error(place, "later", "not in this version yet; remove the key");
    return false;
  }
  if (key->state == Key::State::secret) {
    const std::string instead = section == Section::webhook ? "secret_file: PATH"
                                : section == Section::admin ? "token_file: PATH"
                                : section == Section::credential
                                    ? std::string(text) + "_file: PATH or " + std::string(text) + "_env: VARIABLE"
                                    : "it under credentials, as " + std::string(text) + "_file: PATH or " +
                                          std::string(text) + "_env: VARIABLE";
    context_.report.error(place, "secret-in-file", "a secret does not belong in this file; write " + instead);
    return false;
  }
  if (const Value* first = find(text)) {
    context_.report.error(place, "duplicate-key",
                          "repeated key; the first is at line " + std::to_string(first->key_mark.line));
    return false;
  }
  return true;
}

const Value* Fields::find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

Place Fields::place_of(std::string_view name) const {
  const Value* value = find(name);
  if (value != nullptr) {
    return value->place();
  }
  Place place = place_;
  place.path += (place.path.empty() ? "" : ".") + std::string(name);
  return place;
}

bool Fields::require(std::string_view name, std::string_view why) {
  if (!has(name) && refused_a_key_) {
    return false;
  }
  if (!has(name)) {
    context_.report.error(place_of(name), "missing-key", "is missing; " + std::string(why));
    return false;
  }
  return true;
}

std::optional<std::string> Fields::text(std::string_view name, std::string_view expected) const {
  const Value* value = find(name);
  return value != nullptr ? read_text(context_, *value, expected) : std::nullopt;
}

std::optional<std::string> Fields::literal(std::string_view name, std::string_view expected) const {
  const Value* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->node->kind != Node::Kind::scalar) {
    return read_text(context_, *value, expected);
  }
  return value->node->text;
}

std::optional<std::filesystem::path> Fields::path(std::string_view name) const {
  const Value* value = find(name);
  return value != nullptr ? read_path(context_, *value) : std::nullopt;
}

std::optional<std::filesystem::path> Fields::named_file(std::string_view name, NamedFile::Kind kind) const {
  const Value* value = find(name);
  return value != nullptr ? read_named_file(context_, *value, kind) : std::nullopt;
}

std::vector<Value> Fields::list(std::string_view name, std::string_view expected) const {
  const Value* value = find(name);
  return value != nullptr ? read_list(context_, *value, expected) : std::vector<Value>{};
}

std::optional<bool> Fields::boolean(std::string_view name, std::string_view expected) const {
  const Value* value = find(name);
  const std::optional<std::string> text = value != nullptr ? read_plain(context_, *value, expected) : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  if (*text == "true" || *text == "false") {
    return *text == "true";
  }
  const std::string word = to_lower(*text);
  std::string cure;
  if (word == "yes" || word == "on" || word == "true") {
    cure = "; write true";
  } else if (word == "no" || word == "off" || word == "false") {
    cure = "; write false";
  }
  context_.report.error(value->place(), "wrong-type", in_quotes(*text) + " is not " + std::string(expected) + cure);
  return std::nullopt;
}

std::optional<std::uint64_t> Fields::integer(std::string_view name, std::uint64_t min, std::uint64_t max) const {
  const Value* value = find(name);
  const std::optional<std::string> text =
      value != nullptr ? read_plain(context_, *value, "a whole number") : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool leading_zero = text->size() > 1 && text->front() == '0';
  if (failure != std::errc{} || end != text->data() + text->size() || leading_zero) {
    context_.report.error(value->place(), "wrong-type",
                          in_quotes(*text) + " is not a whole number; write " + show_number(min) + " to " +
                              show_number(max) + (leading_zero ? ", without leading zeros" : ""));
    return std::nullopt;
  }
  return check_range<std::uint64_t>(context_, *value, number, min, max, show_number);
}

std::optional<std::uint64_t> Fields::size(std::string_view name, std::uint64_t min, std::uint64_t max) const {
  const Value* value = find(name);
  const std::optional<std::string> text =
      value != nullptr ? read_text(context_, *value, "a size such as 64MiB") : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  const Result<std::uint64_t> bytes = parse_size(*text);
  if (!bytes) {
    context_.report.error(value->place(), "bad-value", bytes.error().text());
    return std::nullopt;
  }
  return check_range<std::uint64_t>(context_, *value, *bytes, min, max, show_size);
}

std::optional<std::chrono::milliseconds> Fields::duration(std::string_view name, std::chrono::milliseconds min,
                                                          std::chrono::milliseconds max) const {
  const Value* value = find(name);
  const std::optional<std::string> text =
      value != nullptr ? read_text(context_, *value, "a duration such as 30s") : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  const Result<std::chrono::milliseconds> duration =
      parse_duration(*text, format_duration(min) + " to " + format_duration(max));
  if (!duration) {
    context_.report.error(value->place(), "bad-value", duration.error().text());
    return std::nullopt;
  }
  return check_range<std::chrono::milliseconds>(context_, *value, *duration, min, max, format_duration);
}

std::optional<double> Fields::percent(std::string_view name) const {
  const Value* value = find(name);
  const std::optional<std::string> text =
      value != nullptr ? read_text(context_, *value, "a percentage such as 10%") : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  const Result<double> share = parse_percent(*text);
  if (!share) {
    context_.report.error(value->place(), "bad-value", share.error().text());
    return std::nullopt;
  }
  return *share;
}

std::optional<std::size_t> Fields::choose_word(std::string_view name, std::span<const std::string_view> words) const {
  const Value* value = find(name);
  std::string list;
  for (const std::string_view word : words) {
    list += (list.empty() ? "" : word == words.back() ? " or " : ", ") + std::string(word);
  }
  const std::optional<std::string> text = value != nullptr ? read_text(context_, *value, list) : std::nullopt;
  if (!text) {
    return std::nullopt;
  }
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found == words.end()) {
    context_.report.error(value->place(), "bad-value", in_quotes(*text) + " is not a choice; write " + list);
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace adapter::config
