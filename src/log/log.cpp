// SPDX-License-Identifier: Apache-2.0
#include "adapter/log/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"

namespace adapter::log {
namespace {

constexpr std::size_t max_value_bytes = 2048;
constexpr std::size_t max_secrets = 1024;
constexpr std::size_t min_secret_bytes = 4;

struct State {
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<Level> level = Level::info;
  std::atomic<Format> format = Format::text;

  State() : logger(std::make_shared<spdlog::logger>("adapter", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
  }
};

State& state() {
  static State instance;
  return instance;
}

/// Every spelling in which a registered secret is hidden.
struct Needles {
  std::mutex mutex;
  std::deque<std::string> spellings;
};

Needles& needles() {
  static Needles instance;
  return instance;
}

std::string percent_encoded(std::string_view text, bool upper_case, std::string_view also_plain) {
  const std::string_view digits = upper_case ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       also_plain.find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(digits[byte >> 4U]);
      out.push_back(digits[byte & 0x0FU]);
    }
  }
  return out;
}

/// The base64 characters that depend on `secret` alone when `skip` unknown bytes (0 to 2) stand before it.
std::string base64_core(std::string_view secret, std::size_t skip) {
  const std::string padded = std::string(skip, 'x') + std::string(secret);
  std::string encoded = base64(padded);
  const std::size_t begin = (skip * 8 + 5) / 6;
  const std::size_t end = padded.size() * 8 / 6;
  return begin < end ? encoded.substr(begin, end - begin) : std::string();
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  out.push_back('"');
}

struct ValueText {
  std::string text;
  bool is_string = false;
};

ValueText to_text(const Field::Value& value) {
  struct Visitor {
    ValueText operator()(std::string_view text) const { return {escape(redacted(text), max_value_bytes), true}; }
    ValueText operator()(std::int64_t number) const { return {std::to_string(number), false}; }
    ValueText operator()(std::uint64_t number) const { return {std::to_string(number), false}; }
    ValueText operator()(double number) const {
      std::array<char, 32> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "%.6g", number);
      return {buffer.data(), false};
    }
    ValueText operator()(bool flag) const { return {flag ? "true" : "false", false}; }
  };
  return std::visit(Visitor{}, value);
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"") != std::string_view::npos;
}

std::string text_line(Level level, std::string_view timestamp, std::string_view event, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line(timestamp);
  line += ' ';
  line += to_string(level);
  line.append(8 - to_string(level).size(), ' ');
  line += escape(redacted(message), max_value_bytes);
  line += " event=";
  line += event;
  for (const Field& field : fields) {
    const ValueText value = to_text(field.value());
    line += ' ';
    line += field.name();
    line += '=';
    if (value.is_string && needs_quotes(value.text)) {
      append_json_string(line, value.text);
    } else {
      line += value.text;
    }
  }
  return line;
}

std::string json_line(Level level, std::string_view timestamp, std::string_view event, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line = "{\"time\":\"";
  line += timestamp;
  line += "\",\"level\":\"";
  line += to_string(level);
  line += "\",\"event\":\"";
  line += event;
  line += "\",\"message\":";
  append_json_string(line, escape(redacted(message), max_value_bytes));
  for (const Field& field : fields) {
    const ValueText value = to_text(field.value());
    line += ",\"";
    line += field.name();
    line += "\":";
    if (value.is_string) {
      append_json_string(line, value.text);
    } else {
      line += value.text;
    }
  }
  line += '}';
  return line;
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (text == to_string(level)) {
      return level;
    }
  }
  return std::nullopt;
}

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "text") {
    return Format::text;
  }
  if (text == "json") {
    return Format::json;
  }
  return std::nullopt;
}

void configure(const Options& options) {
  state().level = options.level;
  state().format = options.format;
}

bool enabled(Level level) noexcept {
  return level >= state().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) {
    return;
  }
  const std::string timestamp = format_timestamp(std::chrono::system_clock::now());
  const std::string line = format_line(state().format, level, timestamp, event, message, fields);
  state().logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void redact(const Secret& secret) {
  const std::string_view bytes = secret.reveal();
  if (bytes.size() < min_secret_bytes) {
    return;
  }
  std::array<std::string, 6> spellings{std::string(bytes),
                                       percent_encoded(bytes, true, "-._~"),
                                       percent_encoded(bytes, false, "-._~"),
                                       base64_core(bytes, 0),
                                       base64_core(bytes, 1),
                                       base64_core(bytes, 2)};
  Needles& known = needles();
  const std::scoped_lock lock(known.mutex);
  for (std::string& spelling : spellings) {
    if (spelling.size() >= min_secret_bytes &&
        std::find(known.spellings.begin(), known.spellings.end(), spelling) == known.spellings.end()) {
      known.spellings.push_back(std::move(spelling));
    }
  }
  while (known.spellings.size() > max_secrets * spellings.size()) {
    known.spellings.pop_front();
  }
}

std::string redacted(std::string_view text) {
  std::string out(text);
  Needles& known = needles();
  const std::scoped_lock lock(known.mutex);
  for (const std::string& spelling : known.spellings) {
    for (std::size_t at = out.find(spelling); at != std::string::npos; at = out.find(spelling, at + 3)) {
      out.replace(at, spelling.size(), "***");
    }
  }
  return out;
}

std::string format_line(Format format, Level level, std::string_view timestamp, std::string_view event,
                        std::string_view message, std::initializer_list<Field> fields) {
  return format == Format::json ? json_line(level, timestamp, event, message, fields)
                                : text_line(level, timestamp, event, message, fields);
}

}  // namespace adapter::log
