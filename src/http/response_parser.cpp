// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "adapter/http/message.hpp"
#include "field_syntax.hpp"

namespace adapter::http {
namespace {

constexpr int max_interim_answers = 8;
constexpr std::size_t max_chunk_size_digits = 16;
constexpr std::uint64_t max_body_bytes = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view version_prefix = "HTTP/1.";

Error protocol(std::string message) {
  return Error(ErrorClass::protocol, std::move(message));
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  std::uint64_t value = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value > max_body_bytes) {
    return std::nullopt;
  }
  return value;
}

std::optional<Error> check_coding(const Fields& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (equal_ignoring_case(name, "Content-Encoding") && !value.empty() && !equal_ignoring_case(value, "identity")) {
      return protocol("the answer is compressed (Content-Encoding: " + escape(value, 64) +
                      "), which was not asked for");
    }
  }
  return std::nullopt;
}

}  // namespace

Result<ResponseParser::Step> ResponseParser::feed(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size() && step.body.empty() && !done()) {
    const auto rest = bytes.substr(step.consumed);
    if (state_ == State::fixed_body || state_ == State::chunk_data || state_ == State::body_until_close) {
      const auto take =
          state_ == State::body_until_close ? rest.size() : std::min<std::uint64_t>(remaining_, rest.size());
      step.body = rest.substr(0, static_cast<std::size_t>(take));
      step.consumed += step.body.size();
      take_body(step.body.size());
      continue;
    }
    const auto used = take_line_bytes(rest);
    if (!used) {
      return used.error();
    }
    step.consumed += *used;
  }
  return step;
}

void ResponseParser::take_body(std::size_t size_bytes) noexcept {
  body_bytes_ += size_bytes;
  if (state_ == State::body_until_close) {
    return;
  }
  remaining_ -= size_bytes;
  if (remaining_ == 0) {
    state_ = state_ == State::fixed_body ? State::done : State::chunk_data_end;
  }
}

// Takes the bytes up to and including the next LF, counts them, and hands a complete line on. What is decided does not
// depend on how the bytes were divided.
Result<std::size_t> ResponseParser::take_line_bytes(std::string_view bytes) {
  const auto newline = bytes.find('\n');
  const auto part = bytes.substr(0, newline == std::string_view::npos ? newline : newline + 1);
  const auto room = max_header_block_bytes - header_block_bytes_;
  line_.append(part.substr(0, std::min(part.size(), room)));
  if (state_ == State::status_line) {
    const auto shown = std::string_view(line_).substr(0, version_prefix.size());
    if (!version_prefix.starts_with(shown)) {
      return protocol("the server did not answer in HTTP/1.x; check the URL's scheme and port");
    }
  }
  if (state_ == State::chunk_data_end && !std::string_view("\r\n").starts_with(std::string_view(line_).substr(0, 2))) {
    return protocol("a chunk of the answer is longer than it said");
  }
  if (part.size() > room) {
    return Error(ErrorClass::limit, "the answer's header is larger than " + format_header_limit());
  }
  header_block_bytes_ += part.size();
  if (newline == std::string_view::npos) {
    return part.size();
  }
  std::string line;
  line.swap(line_);
  if (!line.ends_with("\r\n")) {
    return protocol("a line of the answer's header ends with LF alone");
  }
  line.resize(line.size() - 2);
  if (line.find('\r') != std::string::npos) {
    return protocol("a line of the answer's header holds a CR");
  }
  auto error = take_line(line);
  line.clear();
  line_.swap(line);  // keeps the allocation for the next line
  if (error) {
    return std::move(*error);
  }
  return part.size();
}

std::string ResponseParser::format_header_limit() {
  return std::to_string(max_header_block_bytes / kib) + " KiB";
}

std::optional<Error> ResponseParser::take_line(std::string_view line) {
  switch (state_) {
    case State::status_line:
      return take_status_line(line);
    case State::fields:
      return line.empty() ? begin_body() : take_field(line);
    case State::chunk_size:
      return take_chunk_size(line);
    case State::chunk_data_end:
      header_block_bytes_ -= 2;
      state_ = State::chunk_size;
      return std::nullopt;
    case State::trailers:
      if (line.empty()) {
        state_ = State::done;
        return std::nullopt;
      }
      return take_field(line);
    case State::fixed_body:
    case State::body_until_close:
    case State::chunk_data:
    case State::done:
      break;
  }
  return std::nullopt;
}

std::optional<Error> ResponseParser::take_status_line(std::string_view line) {
  // HTTP/1.1 200 OK; the reason, and in practice the space before it, may be missing.
  const bool shaped = line.size() >= 12 && (line[7] == '0' || line[7] == '1') && line[8] == ' ' && is_digit(line[9]) &&
                      is_digit(line[10]) && is_digit(line[11]) && (line.size() == 12 || line[12] == ' ');
  if (!shaped || !is_text(line)) {
    return protocol("the answer's status line is malformed: " + escape(line, 80));
  }
  head_.minor_version = line[7] - '0';
  head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (head_.status < 100 || head_.status > 599) {
    return protocol("the answer's status is " + std::to_string(head_.status) + ", which HTTP does not define");
  }
  state_ = State::fields;
  return std::nullopt;
}

std::optional<Error> ResponseParser::take_field(std::string_view line) {
  if (++field_count_ > max_header_fields) {
    return Error(ErrorClass::limit,
                 "the answer's header has more than " + std::to_string(max_header_fields) + " fields");
  }
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return protocol(
        "a field of the answer's header has no well-formed name (a folded line, or a space before the colon?)");
  }
  const auto value = trim_blanks(line.substr(colon + 1));
  if (!is_text(value)) {
    return protocol("the field " + std::string(name.substr(0, 64)) +
                    " of the answer's header holds a control character");
  }
  if (state_ == State::fields) {
    head_.fields.add(name, value);
  }
  return std::nullopt;
}

std::optional<Error> ResponseParser::take_chunk_size(std::string_view line) {
  const auto size = line.substr(0, line.find(';'));
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(size.data(), size.data() + size.size(), value, 16);
  const bool whole = !size.empty() && size.size() <= max_chunk_size_digits && end == size.data() + size.size();
  if (!whole || failure != std::errc{} || value > max_body_bytes - body_bytes_ || !is_text(line)) {
    return protocol("a chunk size of the answer is malformed: " + escape(line, 40));
  }
  // Sizes are the body's framing; only extensions count against the cap, over all chunks.
  header_block_bytes_ -= size.size() + 2;
  remaining_ = value;
  state_ = value == 0 ? State::trailers : State::chunk_data;
  return std::nullopt;
}

std::optional<Error> ResponseParser::skip_interim_answer() {
  if (head_.status == 101) {
    return protocol("the server switched protocols, which was not asked for");
  }
  if (++interim_answers_ > max_interim_answers) {
    return protocol("the server sent more than 8 interim answers");
  }
  head_.fields.clear();
  state_ = State::status_line;
  return std::nullopt;
}

std::optional<Error> ResponseParser::begin_body() {
  if (head_.status < 200) {
    return skip_interim_answer();
  }
  const auto& fields = head_.fields;
  const auto codings = fields.count("Transfer-Encoding");
  const auto lengths = fields.count("Content-Length");
  if (codings > 0 && lengths > 0) {
    return protocol("the answer has both a Content-Length and a Transfer-Encoding");
  }
  if (codings > 0 &&
      (codings > 1 || head_.minor_version == 0 || !equal_ignoring_case(*fields.get("Transfer-Encoding"), "chunked"))) {
    return protocol("the answer has a Transfer-Encoding other than chunked");
  }
  std::optional<std::uint64_t> length;
  if (lengths > 0) {
    length = lengths == 1 ? parse_length(*fields.get("Content-Length")) : std::nullopt;
    if (!length) {
      return protocol("the answer has several, or a malformed, Content-Length");
    }
  }
  const bool framed = codings > 0 || length.has_value();
  const bool close = lists(fields, "Connection", "close");
  keep_alive_ = !close && (head_.minor_version == 1 || lists(fields, "Connection", "keep-alive"));
  const bool never_has_body = head_.status == 204 || head_.status == 304;
  if (!expect_body_ || never_has_body) {
    // A 204 that announces a body may send it all the same; nobody should read that as the next answer.
    keep_alive_ = keep_alive_ && !(head_.status == 204 && (codings > 0 || length.value_or(0) > 0));
    state_ = State::done;
    return std::nullopt;
  }
  // Of a refusal the status and Retry-After count, whatever a cache did to its page.
  if (head_.status < 300) {
    if (auto error = check_coding(fields)) {
      return error;
    }
  }
  remaining_ = length.value_or(0);
  if (codings > 0) {
    state_ = State::chunk_size;
  } else if (!framed) {
    keep_alive_ = false;
    state_ = State::body_until_close;
  } else {
    state_ = remaining_ == 0 ? State::done : State::fixed_body;
  }
  return std::nullopt;
}

std::optional<Error> ResponseParser::end_of_stream() {
  switch (state_) {
    case State::done:
      return std::nullopt;
    case State::body_until_close:
      state_ = State::done;
      return std::nullopt;
    case State::status_line:
      if (line_.empty() && interim_answers_ == 0) {
        return Error(ErrorClass::network, "the server closed the connection without an answer");
      }
      [[fallthrough]];
    case State::fields:
      return Error(ErrorClass::network, "the answer ended inside its header");
    case State::fixed_body:
      return Error(ErrorClass::network, "the answer ended after " + std::to_string(body_bytes_) + " bytes of " +
                                            std::to_string(body_bytes_ + remaining_));
    case State::chunk_size:
    case State::chunk_data:
    case State::chunk_data_end:
    case State::trailers:
      break;
  }
  return Error(ErrorClass::network, "the answer ended after " + std::to_string(body_bytes_) +
                                        " bytes of a chunked body, before its last chunk");
}

}  // namespace adapter::http
