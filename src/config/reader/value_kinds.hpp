// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/units.hpp"
#include "fields.hpp"

/// The kinds of values that a key may have. Each kind reads a value (nullopt when the key is absent, or when the value
/// is wrong and was reported) and describes its values.
namespace adapter::config {

/// What a file may say under a key: the schema and the documentation are tested against it.
struct Shape {
  enum class Type : std::uint8_t { text, boolean, integer, size, duration, percent, choice, path, mapping };
  Type type = Type::text;
  std::uint64_t min = 0;                ///< of an integer, of a size in bytes, of a duration in milliseconds
  std::uint64_t max = 0;                ///< likewise
  std::vector<std::string_view> words;  ///< of a choice
  std::string default_value;            ///< as a file writes it; empty: none, or it depends on other keys
};

/// As a file writes it: "2GiB".
[[nodiscard]] std::string write_size(std::uint64_t size_bytes);

struct Boolean {
  static std::optional<bool> read(Context&, const Fields& fields, std::string_view name) {
    return fields.boolean(name);
  }
  static Shape shape(bool value) { return {Shape::Type::boolean, 0, 0, {}, value ? "true" : "false"}; }
};

template <std::uint64_t Min, std::uint64_t Max>
struct Integer {
  static std::optional<std::uint64_t> read(Context&, const Fields& fields, std::string_view name) {
    return fields.integer(name, Min, Max);
  }
  static Shape shape(std::uint64_t value) { return {Shape::Type::integer, Min, Max, {}, std::to_string(value)}; }
};

template <std::uint64_t MinBytes, std::uint64_t MaxBytes>
struct Size {
  static std::optional<std::uint64_t> read(Context&, const Fields& fields, std::string_view name) {
    return fields.size(name, MinBytes, MaxBytes);
  }
  static Shape shape(std::uint64_t value) { return {Shape::Type::size, MinBytes, MaxBytes, {}, write_size(value)}; }
};

template <std::uint64_t MinMs, std::uint64_t MaxMs>
struct Duration {
  static std::optional<std::chrono::milliseconds> read(Context&, const Fields& fields, std::string_view name) {
    return fields.duration(name, std::chrono::milliseconds(MinMs), std::chrono::milliseconds(MaxMs));
  }
  static Shape shape(std::optional<std::chrono::milliseconds> value) {
    return {Shape::Type::duration, MinMs, MaxMs, {}, value ? format_duration(*value) : ""};
  }
};

struct Percent {
  static std::optional<double> read(Context&, const Fields& fields, std::string_view name) {
    return fields.percent(name);
  }
  /// Defaults are whole percentages.
  static Shape shape(double value) {
    return {Shape::Type::percent, 0, 0, {}, std::to_string(std::lround(value * 100)) + "%"};
  }
};

/// `Words`: an array of pairs (word, meaning).
template <const auto& Words>
struct OneOf {
  using Meaning = std::remove_cvref_t<decltype(Words[0].second)>;
  static std::optional<Meaning> read(Context&, const Fields& fields, std::string_view name) {
    return fields.choice<Meaning>(name, Words);
  }
  static Shape shape(const Meaning& value) {
    Shape shape;
    shape.type = Shape::Type::choice;
    for (const auto& [word, meaning] : Words) {
      shape.words.push_back(word);
      if (meaning == value) {
        shape.default_value = word;
      }
    }
    return shape;
  }
};

}  // namespace adapter::config
