// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/http/url.hpp"

namespace adapter::http {

/// Header fields in order of arrival; names compare without case.
class Fields {
public:
  /// CR, LF and NUL in name or value are a bug of the caller (asserted) when building a request.
  void add(std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;  ///< the first one
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  /// Number `index`, below size(). Valid until the next add().
  [[nodiscard]] std::pair<std::string_view, std::string_view> at(std::size_t index) const noexcept;
  void clear() noexcept;

private:
  /// Where a field lies in text_, which holds names and values one behind the other: a message has a dozen of them,
  /// and two allocations are enough for all.
  struct Place {
    std::size_t begin;
    std::size_t name_bytes;
    std::size_t value_bytes;
  };
  std::string text_;
  std::vector<Place> places_;
};

/// The head of an HTTP/1.1 request (RFC 9112): request line, Host, `fields`, Content-Length when there is a body, and
/// the empty line. The body follows on the wire by itself.
[[nodiscard]] std::string serialize_request(std::string_view method, const Url& url, const Fields& fields,
                                            std::optional<std::uint64_t> body_size_bytes);

struct ResponseHead {
  int status = 0;
  int minor_version = 1;  ///< HTTP/1.<minor>
  Fields fields;
};

/// Retry-After as seconds or an HTTP date (RFC 9110 §10.2.3), capped to 0…24 h; nothing when absent or unreadable.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(const ResponseHead& head,
                                                              std::chrono::system_clock::time_point now);

/// Reads one response as its bytes arrive. No I/O, no allocation that grows with the body.
///
///   while (!parser.done()) { bytes from the network → parser.feed(bytes) → body part, consumed }
///
/// Strict where leniency is a risk: a status line of HTTP/1.0 or 1.1, no obs-fold, no space before a colon, one framing
/// only (Content-Length together with Transfer-Encoding, several or malformed lengths, a coding other than exactly
/// "chunked", a signed or overlong chunk size, a line that ends with LF alone or holds a CR are errors of class
/// protocol), at most max_header_block_bytes and max_header_fields (class limit), chunk extensions and trailers read
/// and dropped under the same cap. Interim 1xx answers are skipped (at most 8), 101 is an error. A Content-Encoding
/// other than identity is an error in an answer below 300: none was asked for. Above, the body comes as it is.
class ResponseParser {
public:
  struct Step {
    std::size_t consumed = 0;  ///< how many of the bytes given were used; the rest belongs to what follows
    std::string_view body;     ///< decoded body bytes, a view into the bytes given; may be empty
  };

  /// `expect_body` false: the response to HEAD. Use one parser a response.
  explicit ResponseParser(bool expect_body = true) noexcept : expect_body_(expect_body) {}

  /// Consumes some of `bytes` (at least one unless done, as long as `bytes` is not empty). After an error the parser
  /// and its connection are useless.
  [[nodiscard]] Result<Step> feed(std::string_view bytes);
  /// The peer ended the stream: fine when the body is framed by that, or is complete; else an error of class network
  /// ("the answer ended after N bytes of …").
  [[nodiscard]] std::optional<Error> end_of_stream();

  [[nodiscard]] bool head_complete() const noexcept { return state_ > State::fields; }
  [[nodiscard]] const ResponseHead& head() const noexcept { return head_; }  ///< once head_complete()
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  /// Once done(): whether the connection may carry another request.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }  ///< so far

private:
  enum class State : std::uint8_t {
    status_line,
    fields,
    fixed_body,
    body_until_close,
    chunk_size,
    chunk_data,
    chunk_data_end,
    trailers,
    done
  };

  [[nodiscard]] static std::string format_header_limit();
  void take_body(std::size_t size_bytes) noexcept;
  [[nodiscard]] Result<std::size_t> take_line_bytes(std::string_view bytes);
  [[nodiscard]] std::optional<Error> take_line(std::string_view line);
  [[nodiscard]] std::optional<Error> take_status_line(std::string_view line);
  [[nodiscard]] std::optional<Error> take_field(std::string_view line);
  [[nodiscard]] std::optional<Error> take_chunk_size(std::string_view line);
  [[nodiscard]] std::optional<Error> skip_interim_answer();
  [[nodiscard]] std::optional<Error> begin_body();

  State state_ = State::status_line;
  ResponseHead head_;
  std::string line_;
  std::uint64_t remaining_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::size_t header_block_bytes_ = 0;
  std::size_t field_count_ = 0;
  int interim_answers_ = 0;
  bool expect_body_ = true;
  bool keep_alive_ = false;
};

}  // namespace adapter::http
