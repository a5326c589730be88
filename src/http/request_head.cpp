// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/request_head.hpp"

#include <algorithm>
#include <charconv>

#include "adapter/base/text.hpp"
#include "adapter/http/url.hpp"
#include "field_syntax.hpp"

namespace adapter::http {
namespace {

constexpr std::size_t max_length_digits = 19;  // whatever they are, they fit into 64 bits

// Visible ASCII without what no target may hold, and without the backslash, which some readers take for a "/".
constexpr bool is_target_char(char c) noexcept {
  return c > ' ' && c < '\x7f' && c != '#' && c != '\\';
}

bool has_sound_escapes(std::string_view text) noexcept {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) {
      return false;
    }
  }
  return true;
}

bool is_host(std::string_view text) {
  // What would end the authority of a URL, or its user info, has no place in a Host.
  return text.find_first_of("/?#@") == std::string_view::npos && Url::parse("http://" + std::string(text)).has_value();
}

}  // namespace

std::size_t RequestHeadParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !done()) {
    take(bytes[used]);
    ++used;
  }
  return used;
}

void RequestHeadParser::refuse(int status, std::string_view reason) {
  state_ = State::refused;
  refusal_ = {status, std::string(reason)};
}

void RequestHeadParser::take(char c) {
  if (++bytes_ > max_request_head_bytes) {
    return refuse(431, "the request's head is larger than 16 KiB");
  }
  switch (state_) {
    case State::before:
    case State::method:
      return take_before_or_method(c);
    case State::target:
      return take_target(c);
    case State::version:
    case State::fields:
      return take_line_byte(c);
    case State::complete:
    case State::refused:
      break;
  }
}

void RequestHeadParser::take_before_or_method(char c) {
  if (state_ == State::before && !skipped_empty_line_ && c == (after_cr_ ? '\n' : '\r')) {
    // One empty line is forgiven (RFC 9112 §2.2): old clients send one after the body of a POST.
    skipped_empty_line_ = after_cr_;
    after_cr_ = !after_cr_;
    return;
  }
  if (c == ' ' && state_ == State::method) {
    state_ = State::target;
    return;
  }
  if (after_cr_ || !is_token_char(c)) {
    return refuse(400, "the request does not begin with a method");
  }
  if (head_.method.size() == max_method_bytes) {
    return refuse(501, "the method is unknown");
  }
  state_ = State::method;
  head_.method.push_back(c);
}

void RequestHeadParser::take_target(char c) {
  if (c == ' ' && !head_.target.empty()) {
    return split_target();
  }
  if (head_.target.empty() && c != '/') {
    return refuse(400, "the request's target does not begin with /");
  }
  if (!is_target_char(c)) {
    return refuse(400, "the request line is malformed");
  }
  if (head_.target.size() == max_request_target_bytes) {
    return refuse(414, "the request's target is longer than 8 KiB");
  }
  head_.target.push_back(c);
}

void RequestHeadParser::split_target() {
  if (!has_sound_escapes(head_.target)) {
    return refuse(400, "the request's target holds a malformed percent-encoding, or %00");
  }
  const auto question = head_.target.find('?');
  head_.path = head_.target.substr(0, question);
  if (question != std::string::npos) {
    head_.query = head_.target.substr(question + 1);
  }
  state_ = State::version;
}

void RequestHeadParser::take_line_byte(char c) {
  if (after_cr_ != (c == '\n')) {
    return refuse(400, "a line of the request's head does not end with CR LF");
  }
  if (c == '\r') {
    after_cr_ = true;
    return;
  }
  if (c != '\n') {
    if (!is_text_char(c)) {
      return refuse(400, "the request's head holds a control character");
    }
    line_.push_back(c);
    return;
  }
  after_cr_ = false;
  if (state_ == State::version) {
    take_version(line_);
  } else if (line_.empty()) {
    finish();
  } else {
    take_field(line_);
  }
  line_.clear();
}

void RequestHeadParser::take_version(std::string_view line) {
  if (line == "HTTP/1.1" || line == "HTTP/1.0") {
    head_.minor_version = line.back() - '0';
    state_ = State::fields;
    return;
  }
  const bool shaped =
      line.size() == 8 && line.starts_with("HTTP/") && is_digit(line[5]) && line[6] == '.' && is_digit(line[7]);
  if (shaped) {
    return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  refuse(400, "the request line is malformed");
}

void RequestHeadParser::take_field(std::string_view line) {
  if (head_.fields.size() == max_request_fields) {
    return refuse(431, "the request's head has more than 100 fields");
  }
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return refuse(400, "a field of the request's head has no well-formed name");
  }
  head_.fields.add(name, trim_blanks(line.substr(colon + 1)));
}

void RequestHeadParser::finish() {
  state_ = State::complete;
  const bool close = lists(head_.fields, "Connection", "close");
  head_.keep_alive = !close && (head_.minor_version == 1 || lists(head_.fields, "Connection", "keep-alive"));
  judge_host();
  if (complete()) {
    judge_framing();
  }
  if (complete()) {
    judge_expectation();
  }
}

void RequestHeadParser::judge_host() {
  const auto hosts = head_.fields.count("Host");
  if (hosts == 0 && head_.minor_version == 0) {
    return;
  }
  if (hosts != 1) {
    return refuse(400, "a request needs exactly one Host");
  }
  const auto host = *head_.fields.get("Host");
  if (!is_host(host)) {
    return refuse(400, "the request's Host is malformed");
  }
  head_.host = to_lower(host);
}

void RequestHeadParser::judge_framing() {
  const auto lengths = head_.fields.count("Content-Length");
  if (head_.fields.count("Transfer-Encoding") > 0) {
    return lengths > 0 ? refuse(400, "the request has both a Content-Length and a Transfer-Encoding")
                       : refuse(411, "a Transfer-Encoding is not understood here; send a Content-Length");
  }
  if (lengths == 0) {
    return;
  }
  const auto text = *head_.fields.get("Content-Length");
  if (lengths > 1 || text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
    return refuse(400, "the request has several, or a malformed, Content-Length");
  }
  if (text.size() > max_length_digits) {
    return refuse(413, "the request's body is too large");
  }
  std::uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  head_.content_length = length;
}

void RequestHeadParser::judge_expectation() {
  const auto expectations = head_.fields.count("Expect");
  if (expectations == 0) {
    return;
  }
  if (expectations > 1 || !equal_ignoring_case(*head_.fields.get("Expect"), "100-continue")) {
    return refuse(417, "only Expect: 100-continue is understood");
  }
  // HTTP/1.0 knows no interim answers; its clients do not wait for one (RFC 9110 §10.1.1).
  head_.expects_continue = head_.minor_version == 1;
}

}  // namespace adapter::http
