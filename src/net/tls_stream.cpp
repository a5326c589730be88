// SPDX-License-Identifier: Apache-2.0
#include "tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl3.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "adapter/base/limits.hpp"
#include "adapter/base/units.hpp"

namespace adapter::net {
namespace {

/// A call of OpenSSL reads on while what arrives is no data of the application, for which a peer can provide without
/// end: it is given so much and then told that there is no more now, so that the loop turns.
constexpr std::size_t most_bytes_per_call = 32 * kib;
/// Certificates and names of authorities are the most of it; OpenSSL takes 100 KiB of certificates.
constexpr std::size_t most_handshake_bytes = 256 * kib;
/// Session tickets, changes of keys, requests for another handshake. A server sends two to four of them.
constexpr std::size_t most_later_messages = 256;

/// OpenSSL's view of the socket: no copy of the bytes in between, no SIGPIPE, and the reason of a failure is kept.
struct Channel {
  std::shared_ptr<Socket> socket;
  bool ended = false;
  std::error_code failure;
  std::size_t may_read = 0;         ///< by the call in progress
  std::size_t handshake_bytes = 0;  ///< received before the handshake was complete
  std::size_t later_messages = 0;   ///< of the TLS handshake protocol, received after that
  bool is_shaken = false;           ///< the handshake is complete

  void begin_call() noexcept {
    ERR_clear_error();
    may_read = most_bytes_per_call;
  }
  /// What the peer sends, in place of data of the application, without end.
  [[nodiscard]] std::optional<std::string> excess() const {
    if (handshake_bytes > most_handshake_bytes) {
      return "the server's part of the handshake has more than " + format_size(most_handshake_bytes);
    }
    if (later_messages > most_later_messages) {
      return "the server sent more than " + std::to_string(most_later_messages) + " TLS messages that are no data";
    }
    return std::nullopt;
  }
};

Channel& channel_of(BIO* bio) {
  return *static_cast<Channel*>(BIO_get_data(bio));
}

int finish(BIO* bio, const Socket::Transfer& result, int retry_flag, std::size_t* moved) {
  using Outcome = Socket::Transfer::Outcome;
  BIO_clear_retry_flags(bio);
  *moved = result.bytes;
  if (result.outcome == Outcome::blocked) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  } else if (result.outcome == Outcome::failed) {
    channel_of(bio).failure = result.error;
  } else if (result.outcome == Outcome::ended) {
    channel_of(bio).ended = true;
  }
  return result.outcome == Outcome::moved ? 1 : 0;
}

int read_channel(BIO* bio, char* buffer, std::size_t size, std::size_t* moved) {
  Channel& channel = channel_of(bio);
  if (channel.may_read == 0) {
    return finish(bio, {Socket::Transfer::Outcome::blocked, 0, {}}, BIO_FLAGS_READ, moved);
  }
  const auto result = channel.socket->try_read({buffer, std::min(size, channel.may_read)});
  channel.may_read -= result.bytes;
  channel.handshake_bytes += channel.is_shaken ? 0 : result.bytes;
  return finish(bio, result, BIO_FLAGS_READ, moved);
}

int write_channel(BIO* bio, const char* bytes, std::size_t size, std::size_t* moved) {
  return finish(bio, channel_of(bio).socket->try_write({bytes, size}), BIO_FLAGS_WRITE, moved);
}

long control_channel(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) {
    return channel_of(bio).ended ? 1 : 0;
  }
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* channel_method() {
  static const BioMethod method = [] {
    BioMethod made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "adapter socket"));
    if (!made || BIO_meth_set_read_ex(made.get(), read_channel) != 1 ||
        BIO_meth_set_write_ex(made.get(), write_channel) != 1 || BIO_meth_set_ctrl(made.get(), control_channel) != 1) {
      throw std::bad_alloc();
    }
    return made;
  }();
  return method.get();
}

void count_message(int is_written, int, int content_type, const void*, std::size_t, SSL*, void* channel) {
  auto& of = *static_cast<Channel*>(channel);
  of.later_messages += is_written == 0 && content_type == SSL3_RT_HANDSHAKE && of.is_shaken ? 1U : 0U;
}

class TlsStream final : public Stream {
public:
  TlsStream(std::shared_ptr<Socket> socket, Ssl ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {
    channel_.socket = socket_;
    BIO* const bio = BIO_new(channel_method());
    if (bio == nullptr) {
      throw std::bad_alloc();
    }
    BIO_set_data(bio, &channel_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_msg_callback(ssl_.get(), count_message);
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, &channel_);
    SSL_set_ex_data(ssl_.get(), presented_names_index, &presented_names_);
  }
  ~TlsStream() override { close(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  asio::awaitable<void> handshake(std::string host) {
    while (true) {
      channel_.begin_call();
      const int result = SSL_do_handshake(ssl_.get());
      if (result == 1) {
        channel_.is_shaken = true;
        co_return;
      }
      const int reason = SSL_get_error(ssl_.get(), result);
      if (reason == SSL_ERROR_SSL && !channel_.ended) {
        broken_ = handshake_error(ssl_.get(), host).with_context(socket_->peer());
      }
      const auto what = what_blocks(reason);
      co_await socket_->wait(what);
    }
  }

  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override {
    std::size_t filled = 0;
    while (true) {
      if (broken_) {
        throw Error(*broken_);
      }
      std::size_t count = 0;
      channel_.begin_call();
      const int result = SSL_read_ex(ssl_.get(), buffer.data() + filled, buffer.size() - filled, &count);
      if (result == 1) {
        note(SSL_ERROR_NONE);
        filled += count;
        const bool more = SSL_has_pending(ssl_.get()) == 1;
        if (!more) {
          // SSL_MODE_RELEASE_BUFFERS forgets the buffer that session tickets came in.
          SSL_free_buffers(ssl_.get());
        }
        if (filled == buffer.size() || !more || broken_) {
          co_return filled;
        }
        continue;
      }
      const int reason = SSL_get_error(ssl_.get(), result);
      note(reason);
      if (filled > 0 || reason == SSL_ERROR_ZERO_RETURN) {
        co_return filled;
      }
      const auto what = what_blocks(reason);
      co_await socket_->wait(what);
    }
  }

  asio::awaitable<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (broken_) {
        throw Error(*broken_);
      }
      std::size_t count = 0;
      channel_.begin_call();
      const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
      if (result == 1) {
        bytes.remove_prefix(count);
        continue;
      }
      const int reason = SSL_get_error(ssl_.get(), result);
      const auto what = what_blocks(reason);
      co_await socket_->wait(what);
    }
  }

  void set_deadline(std::chrono::steady_clock::time_point when, std::string_view phase) override {
    socket_->set_deadline(when, phase);
  }
  [[nodiscard]] bool is_quiet() noexcept override {
    // A peek also digests what may have come without being an answer: session tickets, a key update.
    if (broken_) {
      return false;
    }
    char byte = 0;
    std::size_t count = 0;
    channel_.begin_call();
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
    const int reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    if (result != 1) {
      note(reason);
    }
    return reason == SSL_ERROR_WANT_READ && channel_.may_read > 0;
  }

  void close() noexcept override {
    if (!socket_->is_open()) {
      return;
    }
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
      ERR_clear_error();
    }
    socket_->close();
  }

private:
  /// Remembers why the connection is useless now, unless the operation succeeded or only has to wait.
  void note(int reason) {
    if (const auto excess = channel_.excess(); excess && !broken_) {
      broken_ = Error(ErrorClass::tls, socket_->peer() + ": " + std::string(socket_->phase()) + " failed: " + *excess);
    }
    const bool goes_on = reason == SSL_ERROR_NONE || reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ||
                         reason == SSL_ERROR_ZERO_RETURN;
    if (goes_on || broken_) {
      return;
    }
    const std::string text = socket_->peer() + ": " + std::string(socket_->phase()) + " failed: ";
    if (channel_.failure) {
      broken_ = socket_error(*socket_, channel_.failure);
    } else if (channel_.ended) {
      broken_ = Error(ErrorClass::network, text + "the server closed the connection");
    } else {
      broken_ = Error(ErrorClass::tls, text + take_openssl_reason());
    }
    ERR_clear_error();
  }

  /// What an operation that could not go on has to wait for; throws when it never will.
  asio::ip::tcp::socket::wait_type what_blocks(int reason) {
    note(reason);
    if (broken_) {
      throw Error(*broken_);
    }
    return reason == SSL_ERROR_WANT_WRITE ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
  }

  std::shared_ptr<Socket> socket_;
  Channel channel_;
  std::string presented_names_;
  Ssl ssl_;
  std::optional<Error> broken_;  ///< thrown by all that follows; OpenSSL must not be asked for anything any more
};

}  // namespace

asio::awaitable<std::unique_ptr<Stream>> start_tls(std::shared_ptr<Socket> socket, Ssl ssl, std::string host) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(ssl));
  co_await stream->handshake(std::move(host));
  co_return std::move(stream);
}

}  // namespace adapter::net
