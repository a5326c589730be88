// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/http/request_head.hpp"

namespace adapter::admin {

/// Takes a part of something; false: no more, please.
using TakeBytes = std::function<bool(std::string_view bytes)>;

/// The body of a request that is being answered, not yet read.
class RequestBody {
public:
  enum class End : std::uint8_t {
    complete,
    refused,    ///< by the taker
    timed_out,  ///< max_body_time passed, or the server stops
    broken,     ///< the client went away
  };
  virtual ~RequestBody() = default;
  /// Hands over all of it, as it arrives. Once a request.
  virtual End read(const TakeBytes& take) = 0;
  /// The client has closed its connection: nobody waits for the answer. Does not block.
  [[nodiscard]] virtual bool abandoned() = 0;
  /// Ends the connection, and read() with it. On any thread, as long as the request is being answered.
  virtual void cut() noexcept = 0;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  /// Besides Content-Type, Content-Length and what every answer carries.
  std::vector<std::pair<std::string, std::string>> fields;
  /// Instead of a body: called again and again, writes what there is (at least every few seconds, however little, so
  /// that a client that left is noticed) and returns false at the end. It blocks for at most a second.
  std::function<bool(const TakeBytes& write)> stream;
  bool close = false;  ///< the connection ends with this answer
};

/// application/problem+json (RFC 9457). `detail` is for people; it never repeats what the client sent unescaped.
[[nodiscard]] Reply problem(int status, std::string_view detail);
/// "Not Found"; empty for a status that the server does not use.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// What every answer carries, one to a malformed request too.
void add_common_fields(Reply& reply);

/// Answers one request. Called on many threads at once. What it throws becomes a 500 without a word of it.
using RequestHandler = std::function<Reply(const http::RequestHead& head, RequestBody& body)>;

}  // namespace adapter::admin
