// SPDX-License-Identifier: Apache-2.0
#include "socket.hpp"

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "adapter/async/timeout.hpp"

namespace adapter::net {
namespace {

/// Data that nobody acknowledges for this long means that the peer, or a middle box that forgot us, is gone.
constexpr int unacknowledged_limit_ms = 20'000;

bool would_block(int error_number) noexcept {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

template <class Call>
Socket::Transfer transfer(Call call) noexcept {
  while (true) {
    const ssize_t count = call();
    if (count > 0) {
      return {Socket::Transfer::Outcome::moved, static_cast<std::size_t>(count), {}};
    }
    if (count == 0) {
      return {Socket::Transfer::Outcome::ended, 0, {}};
    }
    if (would_block(errno)) {
      return {Socket::Transfer::Outcome::blocked, 0, {}};
    }
    if (errno != EINTR) {
      return {Socket::Transfer::Outcome::failed, 0, std::error_code(errno, std::system_category())};
    }
  }
}

class TcpStream final : public Stream {
public:
  explicit TcpStream(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~TcpStream() override { socket_->close(); }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override {
    while (true) {
      const Socket::Transfer result = socket_->try_read(buffer);
      if (result.outcome == Socket::Transfer::Outcome::failed) {
        throw socket_error(*socket_, result.error);
      }
      if (result.outcome != Socket::Transfer::Outcome::blocked) {
        co_return result.bytes;
      }
      co_await socket_->wait(asio::ip::tcp::socket::wait_read);
    }
  }

  asio::awaitable<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const Socket::Transfer result = socket_->try_write(bytes);
      if (result.outcome == Socket::Transfer::Outcome::failed) {
        throw socket_error(*socket_, result.error);
      }
      bytes.remove_prefix(result.bytes);
      if (result.outcome == Socket::Transfer::Outcome::blocked) {
        co_await socket_->wait(asio::ip::tcp::socket::wait_write);
      }
    }
  }

  void set_deadline(std::chrono::steady_clock::time_point when, std::string_view phase) override {
    socket_->set_deadline(when, phase);
  }
  [[nodiscard]] bool is_quiet() noexcept override {
    char byte = 0;
    return socket_->try_read({&byte, 1}).outcome == Socket::Transfer::Outcome::blocked;
  }
  void close() noexcept override { socket_->close(); }

private:
  std::shared_ptr<Socket> socket_;
};

}  // namespace

Socket::Socket(const asio::any_io_executor& executor) : socket_(executor), timer_(executor) {}

asio::awaitable<std::error_code> Socket::connect(asio::ip::tcp::endpoint endpoint) {
  peer_ = to_string(endpoint);
  timed_out_ = false;
  std::error_code failure;
  socket_.open(endpoint.protocol(), failure);
  if (failure) {
    co_return failure;
  }
  const int limit = unacknowledged_limit_ms;
  setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  const int on = 1;
  setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  waiting_ = true;
  arm();
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failure));
  waiting_ = false;
  if (failure == asio::error::operation_aborted && !timed_out_) {
    throw asio::system_error(failure);
  }
  if (!failure) {
    watch_reading_only(endpoint.protocol(), failure);
  }
  co_return failure;
}

/// Asio goes on watching a socket that was connected for being writable, which it nearly always is: every wait for an
/// answer would first wake up for that. A socket that is registered anew is watched for reading until a write blocks.
void Socket::watch_reading_only(const asio::ip::tcp& protocol, std::error_code& failure) {
  const int fd = socket_.release(failure);
  if (failure) {
    return;
  }
  socket_.assign(protocol, fd, failure);
  if (failure) {
    ::close(fd);
  }
}

Socket::Transfer Socket::try_read(std::span<char> buffer) noexcept {
  const int fd = socket_.native_handle();
  return transfer([&]() noexcept { return recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT); });
}

Socket::Transfer Socket::try_write(std::string_view bytes) noexcept {
  const int fd = socket_.native_handle();
  return transfer([&]() noexcept { return send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

asio::awaitable<void> Socket::wait(asio::ip::tcp::socket::wait_type what) {
  if (timed_out_) {
    throw timeout();
  }
  std::error_code failure;
  waiting_ = true;
  arm();
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, failure));
  waiting_ = false;
  if (timed_out_) {
    throw timeout();
  }
  if (failure == asio::error::operation_aborted) {
    throw asio::system_error(failure);
  }
  if (failure) {
    throw socket_error(*this, failure);
  }
}

void Socket::set_deadline(std::chrono::steady_clock::time_point when, std::string_view phase) {
  deadline_ = when;
  phase_ = phase;
  deadline_set_ = std::chrono::steady_clock::now();
}

void Socket::close() noexcept {
  std::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void Socket::arm() {
  const bool soon_enough = armed_ && armed_until_ <= deadline_;
  if (deadline_ == std::chrono::steady_clock::time_point::max() || soon_enough) {
    return;
  }
  armed_ = true;
  armed_until_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) {
      self->timer_fired();
    }
  });
}

void Socket::timer_fired() {
  armed_ = false;
  if (!waiting_) {
    return;
  }
  if (std::chrono::steady_clock::now() < deadline_) {
    arm();
    return;
  }
  timed_out_ = true;
  std::error_code ignored;
  socket_.cancel(ignored);
}

Error Socket::timeout() const {
  return async::timeout_error(phase_, std::chrono::round<std::chrono::milliseconds>(deadline_ - deadline_set_))
      .with_context(peer_);
}

std::string to_string(const asio::ip::tcp::endpoint& endpoint) {
  std::string text = endpoint.address().to_string();
  if (endpoint.address().is_v6()) {
    text.insert(0, 1, '[').push_back(']');
  }
  text.push_back(':');
  text += std::to_string(endpoint.port());
  return text;
}

Error socket_error(const Socket& socket, std::error_code error) {
  return Error(ErrorClass::network, socket.peer() + ": " + std::string(socket.phase()) + " failed: " + error.message());
}

std::unique_ptr<Stream> make_tcp_stream(std::shared_ptr<Socket> socket) {
  return std::make_unique<TcpStream>(std::move(socket));
}

}  // namespace adapter::net
