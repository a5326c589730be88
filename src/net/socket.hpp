// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "adapter/base/error.hpp"
#include "adapter/net/stream.hpp"

namespace adapter::net {

/// A TCP socket under one deadline. One timer serves all waits of a connection: it is armed when a deadline comes
/// nearer than what it waits for, and looks for itself when it fires, so that moving a deadline costs nothing. Loop
/// thread only; owned by shared_ptr because the timer's handler may outlive the stream.
class Socket : public std::enable_shared_from_this<Socket> {
public:
  explicit Socket(const asio::any_io_executor& executor);

  /// False when the deadline passed; connecting errors come as error codes. Cancellation throws operation_aborted.
  asio::awaitable<std::error_code> connect(asio::ip::tcp::endpoint endpoint);

  struct Transfer {
    enum class Outcome : std::uint8_t { moved, blocked, ended, failed } outcome = Outcome::failed;
    std::size_t bytes = 0;
    std::error_code error;
  };
  /// Do not wait.
  Transfer try_read(std::span<char> buffer) noexcept;
  Transfer try_write(std::string_view bytes) noexcept;

  /// Until the socket is readable or writable (or broken). Errors: timeout, operation_aborted.
  asio::awaitable<void> wait(asio::ip::tcp::socket::wait_type what);

  void set_deadline(std::chrono::steady_clock::time_point when, std::string_view phase);
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }  ///< "127.0.0.1:443"
  [[nodiscard]] std::string_view phase() const noexcept { return phase_; }
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  void close() noexcept;

private:
  void watch_reading_only(const asio::ip::tcp& protocol, std::error_code& failure);
  void arm();
  void timer_fired();
  [[nodiscard]] Error timeout() const;

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point deadline_set_;
  std::chrono::steady_clock::time_point armed_until_ = std::chrono::steady_clock::time_point::max();
  std::string_view phase_;
  std::string peer_;
  bool armed_ = false;
  bool waiting_ = false;
  bool timed_out_ = false;
};

[[nodiscard]] std::string to_string(const asio::ip::tcp::endpoint& endpoint);

/// An Error of class network: "read answer from 127.0.0.1:443: Connection reset by peer".
[[nodiscard]] Error socket_error(const Socket& socket, std::error_code error);

/// TCP without TLS, for http URLs.
[[nodiscard]] std::unique_ptr<Stream> make_tcp_stream(std::shared_ptr<Socket> socket);

}  // namespace adapter::net
