// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "server/channel.hpp"
#include "server/reply.hpp"

namespace adapter::admin {

/// Limits of one exchange.
inline constexpr std::chrono::seconds max_body_time{10};   ///< from the head's end to the whole body
inline constexpr std::chrono::seconds max_write_time{10};  ///< of an answer; of each part of a stream
inline constexpr std::uint64_t max_hook_body_bytes = 25ULL * 1024 * 1024;
inline constexpr std::uint64_t max_body_bytes = 64ULL * 1024;

/// cpp-httplib behind a wall: it runs an exchange and writes the answer. It never sees a byte of the client's head: it
/// is given one that is written anew from what http::RequestHeadParser accepted ("GET / HTTP/1.1", "POST /" with a
/// Content-Length), and a stream that ends with that request, at its deadline. One for each thread.
class HttpServer {
public:
  virtual ~HttpServer() = default;
  /// Reads the body from `channel` as far as the handler asks for it, and writes the answer. Whether the connection may
  /// carry another request: then everything of this one was read.
  virtual bool exchange(Channel& channel, const http::RequestHead& head, const RequestHandler& handler) = 0;
};

[[nodiscard]] std::unique_ptr<HttpServer> make_http_server();
/// Of the library, as it says itself.
[[nodiscard]] const char* http_library_version() noexcept;

}  // namespace adapter::admin
