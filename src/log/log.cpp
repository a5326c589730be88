// SPDX-License-Identifier: Apache-2.0
#include "adapter/log/log.hpp"

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>
#include <system_error>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "adapter/log/output.hpp"
#include "line_writer.hpp"

namespace adapter::log {
namespace {

constexpr std::size_t max_value_bytes = 2048;

/// The line that says how many others were lost, in today's format.
std::string lost_line(std::uint64_t count, int error_number);

/// spdlog's own sinks wait for the reader of standard error, and its queue is bounded in lines, not in bytes.
class QueueSink final : public spdlog::sinks::sink {
public:
  explicit QueueSink(LineWriter& writer) : writer_(writer) {}
  void log(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    writer_.submit(std::move(line));
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
  LineWriter& writer_;
};

struct State {
  LineWriter writer{STDERR_FILENO, lost_line};
  spdlog::logger logger{"adapter", std::make_shared<QueueSink>(writer)};
  std::atomic<Level> level = Level::info;
  std::atomic<Format> format = Format::text;

  State() { logger.set_level(spdlog::level::trace); }
};

/// Never destroyed: a worker may log while the process exits.
State& state() {
  static State& instance = *new State;
  return instance;
}

std::string lost_line(std::uint64_t count, int error_number) {
  const std::string timestamp = format_timestamp(std::chrono::system_clock::now());
  const std::string cause =
      error_number == 0 ? "the reader of standard error was too slow"
                        : "standard error could not be written (" + std::generic_category().message(error_number) + ")";
  return format_line(state().format, Level::warning, timestamp, "log_lines_lost",
                     cause + ": lines that came before this one are lost", {{"lines", count}}) +
         "\n";
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
      const auto result =
          std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::general, 6);
      return {std::string(buffer.data(), result.ptr), !std::isfinite(number)};  // JSON has no number for "inf"
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
  state().logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void print(std::string_view text) {
  state().writer.submit(std::string(text));
}

bool start_thread() noexcept {
  return state().writer.start_thread();
}

bool flush(std::chrono::milliseconds limit) {
  return state().writer.flush(limit);
}

std::string format_line(Format format, Level level, std::string_view timestamp, std::string_view event,
                        std::string_view message, std::initializer_list<Field> fields) {
  return format == Format::json ? json_line(level, timestamp, event, message, fields)
                                : text_line(level, timestamp, event, message, fields);
}

}  // namespace adapter::log
