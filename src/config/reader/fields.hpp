// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/config/load.hpp"
#include "keys.hpp"
#include "report.hpp"
#include "yaml.hpp"

namespace adapter::config {

/// What every reader of values needs; lives as long as one load.
struct Context {
  Report& report;
  const Environment& environment;
  bool expand_values = true;  ///< false: a $ is a $
};

/// A value and where it stands.
struct Value {
  const Document* document = nullptr;
  const Node* node = nullptr;
  Mark key_mark;  ///< of its key; of the value itself in a list
  std::string path;

  /// The value's place; the key's when there is nothing after it.
  [[nodiscard]] Place place() const;
};

/// A read value that later checks may have to point at.
template <class T>
struct Located {
  T value;
  Place place;
};

/// The readers below answer nothing after reporting what is wrong. All expand variables first. `expected` says what to
/// write: "a branch, for example main".

/// One line of text without control characters; not empty.
[[nodiscard]] std::optional<std::string> read_text(Context& context, const Value& value, std::string_view expected);
/// As read_text, made absolute against the folder of the file it stands in.
[[nodiscard]] std::optional<std::filesystem::path> read_path(Context& context, const Value& value);
/// As read_path, of a file of secrets or certificates or of the data directory, which the report notes.
[[nodiscard]] std::optional<std::filesystem::path> read_named_file(Context& context, const Value& value,
                                                                   NamedFile::Kind kind = NamedFile::Kind::secret);
[[nodiscard]] std::vector<Value> read_list(Context& context, const Value& value, std::string_view expected);

/// One mapping. The constructor reports every key that is unknown, repeated, reserved or not a scalar; the functions
/// then answer nothing for a key that is absent or whose value is wrong, the latter reported.
class Fields {
public:
  Fields(Context& context, const Value& mapping, Section section);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// A key was reported, so that what seems to be missing may be what it was meant to be.
  [[nodiscard]] bool refused_a_key() const noexcept { return refused_a_key_; }
  [[nodiscard]] const Place& place() const noexcept { return place_; }
  /// Of the key's value; of the mapping when the key is absent.
  [[nodiscard]] Place place_of(std::string_view name) const;

  /// Whether a key that must be there is. Its absence is reported, unless another key was refused.
  [[nodiscard]] bool require(std::string_view name, std::string_view why);

  [[nodiscard]] std::optional<std::string> text(std::string_view name, std::string_view expected) const;
  /// As it stands in the file, without variables being expanded.
  [[nodiscard]] std::optional<std::string> literal(std::string_view name, std::string_view expected) const;
  [[nodiscard]] std::optional<std::filesystem::path> path(std::string_view name) const;
  [[nodiscard]] std::optional<std::filesystem::path> named_file(std::string_view name,
                                                                NamedFile::Kind kind = NamedFile::Kind::secret) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name, std::string_view expected = "true or false") const;
  [[nodiscard]] std::optional<std::uint64_t> integer(std::string_view name, std::uint64_t min, std::uint64_t max) const;
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view name, std::uint64_t min, std::uint64_t max) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> duration(std::string_view name, std::chrono::milliseconds min,
                                                                  std::chrono::milliseconds max) const;
  [[nodiscard]] std::optional<double> percent(std::string_view name) const;
  [[nodiscard]] std::vector<Value> list(std::string_view name, std::string_view expected) const;

  template <class T>
  using Choices = std::span<const std::pair<std::string_view, T>>;
  template <class T>
  [[nodiscard]] std::optional<T> choice(std::string_view name, Choices<T> choices) const {
    std::vector<std::string_view> words;
    for (const auto& [word, meaning] : choices) {
      words.push_back(word);
    }
    const std::optional<std::size_t> index = choose_word(name, words);
    return index ? std::optional<T>(choices[*index].second) : std::nullopt;
  }

private:
  [[nodiscard]] std::optional<std::size_t> choose_word(std::string_view name,
                                                       std::span<const std::string_view> words) const;
  /// Whether the key may be kept.
  [[nodiscard]] bool check_key(const Key* key, Section section, std::string_view text, const Place& place) const;

  Context& context_;
  Place place_;
  bool refused_a_key_ = false;
  std::vector<std::pair<std::string_view, Value>> values_;
};

}  // namespace adapter::config
