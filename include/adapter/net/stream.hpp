// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

namespace adapter::net {

/// A byte stream to a peer: TCP or TLS over it, or a script in a test. Loop thread only; one reader and one writer at a
/// time. Failures are thrown as adapter::Error of class network, tls or timeout; the text names the phase and the
/// address.
class Stream {
public:
  virtual ~Stream() = default;

  /// At least one byte, or 0 at a clean end (FIN without TLS, close_notify with it). A TLS connection that ends without
  /// close_notify throws network.
  virtual asio::awaitable<std::size_t> read_some(std::span<char> buffer) = 0;
  virtual asio::awaitable<void> write(std::string_view bytes) = 0;

  /// Every read or write that is pending at `when` ends with timeout; `phase` (a literal) is named in the error. Cheap:
  /// called before each phase. time_point::max() lifts it.
  virtual void set_deadline(std::chrono::steady_clock::time_point when, std::string_view phase) = 0;
  /// Nothing has arrived and the peer has not ended the stream: another request may be written. Looks, does not wait.
  [[nodiscard]] virtual bool is_quiet() noexcept = 0;
  /// At once, without waiting for the peer.
  virtual void close() noexcept = 0;
};

}  // namespace adapter::net
