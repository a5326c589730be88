// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/limits.hpp"
#include "adapter/http/message.hpp"

namespace adapter::http {

inline constexpr std::size_t max_method_bytes = 16;
inline constexpr std::size_t max_request_target_bytes = 8 * kib;
inline constexpr std::size_t max_request_head_bytes =
    16 * kib;  ///< from the first byte to the empty line, both included
inline constexpr std::size_t max_request_fields = 100;

/// The head of a request that a server received (RFC 9112 §3, §5).
struct RequestHead {
  std::string method;     ///< as sent; a token
  std::string target;     ///< as sent: begins with "/", visible ASCII only
  std::string path;       ///< target up to "?", still percent-encoded; each % is followed by two digits and is not %00
  std::string query;      ///< target after the first "?", still percent-encoded; empty when there is none
  int minor_version = 1;  ///< HTTP/1.<minor>: 0 or 1
  Fields fields;          ///< without surrounding blanks; no control character but the tab
  std::optional<std::uint64_t> content_length;  ///< nothing: the request has no body
  bool keep_alive = false;                      ///< whether the client would send another request after this one
  bool expects_continue = false;                ///< it waits for "100 Continue" before it sends the body
  std::string host;  ///< Host in lower case, with the port when one was given; empty only where HTTP/1.0 left it out
};

/// Why a request is not served: 400 malformed, 411 a Transfer-Encoding, 413 a length past 19 digits, 414 target, 417
/// an expectation, 431 head, 501 method, 505 version. After any of them it is unknown where the next request would
/// begin: answer and close.
struct RequestRefusal {
  int status = 400;
  std::string reason;  ///< a fixed sentence; never quotes the request
};

/// Reads one request head as its bytes arrive; no I/O, no byte is looked at twice, and how the bytes were divided
/// changes nothing.
///
///   while (!parser.done()) { bytes from the network → parser.feed(bytes) }
///
/// Strict wherever two readers of the same bytes could disagree: `METHOD SP target SP HTTP/1.x CRLF` with single
/// spaces, at most one empty line before it, origin-form targets only (no absolute-form, no `*`, no "#", no
/// backslash), every line ends with CRLF, no folded lines, no space before a colon, no empty name or name that is no
/// token, no control character anywhere; one well-formed Host in HTTP/1.1 and at most one in 1.0; one Content-Length of
/// digits only, not repeated even with the same value; no Transfer-Encoding at all; Expect only as 100-continue.
/// Upgrade is ignored.
class RequestHeadParser {
public:
  /// Takes bytes until the head is complete or refused and answers how many it used; the rest belongs to the body.
  [[nodiscard]] std::size_t feed(std::string_view bytes);

  [[nodiscard]] bool done() const noexcept { return state_ >= State::complete; }
  [[nodiscard]] bool complete() const noexcept { return state_ == State::complete; }
  [[nodiscard]] bool refused() const noexcept { return state_ == State::refused; }
  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }           ///< once complete()
  [[nodiscard]] const RequestRefusal& refusal() const noexcept { return refusal_; }  ///< once refused()

private:
  enum class State : std::uint8_t { before, method, target, version, fields, complete, refused };

  void refuse(int status, std::string_view reason);
  void take(char c);
  void take_before_or_method(char c);
  void take_target(char c);
  void take_line_byte(char c);
  void take_version(std::string_view line);
  void take_field(std::string_view line);
  void split_target();
  void finish();
  void judge_host();
  void judge_framing();
  void judge_expectation();

  State state_ = State::before;
  RequestHead head_;
  RequestRefusal refusal_;
  std::string line_;
  std::size_t bytes_ = 0;
  bool after_cr_ = false;
  bool skipped_empty_line_ = false;
};

}  // namespace adapter::http
