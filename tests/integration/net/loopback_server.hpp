// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "certificates.hpp"

namespace adapter::test {

/// One accepted connection, for the thread that serves it. Reads and writes give up after ten seconds.
class Peer {
public:
  Peer(int fd, SSL_CTX* context) : fd_(fd), context_(context) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool accept_tls();           ///< true at once without TLS
  std::string read_request();  ///< head and body; empty when the client is gone
  bool write(std::string_view bytes);
  /// Byte by byte with a pause, until all is written, the client is gone, or `ending`.
  void drip(std::string_view bytes, const std::atomic<bool>& ending);
  void close_properly();  ///< close_notify, then FIN
  void cut();             ///< FIN without close_notify

private:
  long read_some(char* buffer, int size);

  int fd_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::optional<Identity> identity;  ///< nothing: plain HTTP
  int max_tls_version = 0;           ///< 0: the newest
  bool handshakes = true;            ///< false: accepts, and says nothing
};

/// A blocking HTTP server on loopback with a thread a connection. Ends, with all its threads, when it is destroyed.
class LoopbackServer {
public:
  using Handler = std::function<void(Peer& peer)>;

  LoopbackServer(ServerOptions options, Handler handler);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int connections() const noexcept { return connections_; }
  [[nodiscard]] int most_at_once() const noexcept { return most_at_once_; }
  [[nodiscard]] const std::atomic<bool>& ending() const noexcept { return ending_; }

  /// Answers each request of a connection with `answer`, until the client goes.
  static Handler keep_answering(std::string answer);

private:
  void accept_all();
  void serve(int fd);

  ServerOptions options_;
  Handler handler_;
  std::shared_ptr<SSL_CTX> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> now_ = 0;
  std::atomic<int> most_at_once_ = 0;
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace adapter::test
