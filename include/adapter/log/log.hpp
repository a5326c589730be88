// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/secret.hpp"

/// One line an event, as text or JSON, on standard error. Event names ("check_failed") and field names are stable: they
/// are part of the user's contract and listed in docs/logging.md. Any thread may log. Field values and messages are
/// escaped here, and every registered secret is replaced by "***" whatever its encoding.
namespace adapter::log {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class Format : std::uint8_t { text, json };

[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;
[[nodiscard]] std::string_view to_string(Level level) noexcept;
[[nodiscard]] std::optional<Format> parse_format(std::string_view text) noexcept;

/// A named value of an event. Views what it is given; lives only as long as the call.
class Field {
public:
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  Field(std::string_view name, const char* value) : name_(name), value_(std::string_view(value)) {}
  Field(std::string_view name, const std::string& value) : name_(name), value_(std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value) {}
  Field(std::string_view name, double value) : name_(name), value_(value) {}
  template <class Integer>
    requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
  Field(std::string_view name, Integer value) : name_(name) {
    if constexpr (std::is_signed_v<Integer>) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = static_cast<std::uint64_t>(value);
    }
  }
  Field(std::string_view name, const ObjectId& id) : name_(name), owned_(id.to_hex()) {}
  Field(std::string_view name, ErrorClass error_class) : name_(name), value_(adapter::to_string(error_class)) {}

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] Value value() const noexcept { return owned_.empty() ? value_ : Value(std::string_view(owned_)); }

private:
  std::string_view name_;
  Value value_;
  std::string owned_;
};

struct Options {
  Level level = Level::info;
  Format format = Format::json;
};

/// May be called again, at a reload. Before the first call events of level info and above go out as text.
void configure(const Options& options);
[[nodiscard]] bool enabled(Level level) noexcept;

/// `event` is a stable snake_case name, `message` a sentence for people.
void write(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, message, fields);
}
inline void info(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, message, fields);
}
inline void warning(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warning, event, message, fields);
}
inline void error(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, message, fields);
}

/// The registration of a secret for redacted(), held by what uses the secret. While a copy of it lives the secret is
/// known. Afterwards the secret is retired, and the last 1,024 retired ones stay known: a server may still repeat them.
/// Secrets below 4 bytes are not registered. Any thread.
class Redaction {
public:
  Redaction() = default;
  explicit Redaction(const Secret& secret);

private:
  class Owner;
  std::shared_ptr<const Owner> owner_;
};

/// `text` with every registered secret replaced by "***": in any mixture of plain, percent and form encoding, HTML
/// entities, and the backslash escapes of JSON, C, shells and escape(); in hexadecimal digits; inside base64 (the whole
/// base64 word goes, a user name in it too); with UTF-8 taken for Latin-1 or one converted to the other; all these
/// under two more encodings; and the beginning of one that was cut at "…". What the sinks use, before they escape and
/// cut; public for other outputs (state files, the API). Takes time by the length of the text, hardly by the number of
/// secrets: "***" alone for a text that would take longer, because its bytes can be read in many ways as parts of
/// secrets. Any thread.
[[nodiscard]] std::string redacted(std::string_view text);

/// One line without the newline, as the sinks write it; pure but for the registered secrets. For tests and other sinks.
[[nodiscard]] std::string format_line(Format format, Level level, std::string_view timestamp, std::string_view event,
                                      std::string_view message, std::initializer_list<Field> fields);

}  // namespace adapter::log
