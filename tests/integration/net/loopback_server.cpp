// SPDX-License-Identifier: Apache-2.0
#include "loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace adapter::test {
namespace {

void require_call(bool condition, const char* what) {
  if (!condition) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  }
}

std::size_t body_size(std::string_view head) {
  constexpr std::string_view name = "Content-Length: ";
  const std::size_t place = head.find(name);
  return place == std::string_view::npos
             ? 0
             : std::strtoul(std::string(head.substr(place + name.size())).c_str(), nullptr, 10);
}

/// sockaddr_in as the sockaddr that the calls want; the two are the same memory by definition.
sockaddr* plain(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

}  // namespace

Peer::~Peer() {
  SSL_free(ssl_);
  ::close(fd_);
}

bool Peer::accept_tls() {
  if (context_ == nullptr) {
    return true;
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, fd_);
  ERR_clear_error();
  return SSL_accept(ssl_) == 1;
}

long Peer::read_some(char* buffer, int size) {
  if (ssl_ == nullptr) {
    return recv(fd_, buffer, static_cast<std::size_t>(size), 0);
  }
  ERR_clear_error();
  return SSL_read(ssl_, buffer, size);
}

std::string Peer::read_request() {
  std::string text;
  while (true) {
    const std::size_t head = text.find("\r\n\r\n");
    if (head != std::string::npos && text.size() >= head + 4 + body_size(text)) {
      return text;
    }
    char buffer[16384];
    const long count = read_some(buffer, sizeof buffer);
    if (count <= 0) {
      return "";
    }
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

bool Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const long count = ssl_ == nullptr ? send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                       : SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Peer::drip(std::string_view bytes, const std::atomic<bool>& ending) {
  for (std::size_t i = 0; i < bytes.size() && !ending && write(bytes.substr(i, 1)); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void Peer::close_properly() {
  if (ssl_ != nullptr) {
    SSL_shutdown(ssl_);
  }
  cut();
}

void Peer::cut() {
  shutdown(fd_, SHUT_WR);
}

LoopbackServer::LoopbackServer(ServerOptions options, Handler handler)
    : options_(std::move(options)), handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own socket writes have no MSG_NOSIGNAL
  if (options_.identity) {
    context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    require_call(SSL_CTX_use_certificate(context_.get(), options_.identity->certificate.get()) == 1, "certificate");
    require_call(SSL_CTX_use_PrivateKey(context_.get(), options_.identity->key.get()) == 1, "key");
    if (options_.max_tls_version != 0) {
      SSL_CTX_set_security_level(context_.get(), 0);
      SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context_.get(), options_.max_tls_version);
    }
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  require_call(inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) == 1, "address");
  require_call(bind(listener_, plain(address), sizeof address) == 0, "bind");
  require_call(listen(listener_, 128) == 0, "listen");
  socklen_t size = sizeof address;
  require_call(getsockname(listener_, plain(address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

LoopbackServer::~LoopbackServer() {
  ending_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) {
      shutdown(fd, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  ::close(listener_);
}

LoopbackServer::Handler LoopbackServer::keep_answering(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    while (!peer.read_request().empty() && peer.write(answer)) {
    }
  };
}

void LoopbackServer::accept_all() {
  while (!ending_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      continue;
    }
    const timeval limit{10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.insert(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void LoopbackServer::serve(int fd) {
  const int now = ++now_;
  int most = most_at_once_;
  while (now > most && !most_at_once_.compare_exchange_weak(most, now)) {
  }
  {
    Peer peer(fd, context_.get());
    if (!options_.handshakes) {
      static_cast<void>(peer.read_request());
    } else if (peer.accept_tls()) {
      handler_(peer);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
  }
  --now_;
}

}  // namespace adapter::test
