// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/http_client.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "adapter/base/error.hpp"
#include "connection_pool.hpp"
#include "connector.hpp"
#include "exchange.hpp"

namespace adapter::net {
namespace {

/// Head and body in one piece, so that a small request is one TLS record; wiped, because it holds the credential.
Secret message_of(const Request& request) {
  std::optional<std::uint64_t> body_size;
  if (request.method == "POST") {
    body_size = request.body.size();
  }
  const std::string head = http::serialize_request(request.method, request.url, request.fields, body_size);
  static constexpr std::string_view name = "Authorization: ";
  std::string message;
  message.reserve(head.size() + name.size() + request.authorization.reveal().size() + 2 + request.body.size());
  message = head;
  if (!request.authorization.empty()) {
    message.resize(message.size() - 2);  // the empty line
    message += name;
    message += request.authorization.reveal();
    message += "\r\n\r\n";
  }
  message += request.body;
  return Secret(std::move(message));
}

class PooledClient final : public HttpClient {
public:
  PooledClient(asio::any_io_executor executor, const ClientOptions& options, std::unique_ptr<Connector> connector)
      : deadlines_(options.deadlines), connector_(std::move(connector)), pool_(std::move(executor), options) {}

  asio::awaitable<std::unique_ptr<Response>> send(Request request) override {
    check(request);
    const http::Origin origin = request.url.origin();
    ConnectionSettings settings = std::move(request.settings);
    ConnectionPool::Lease lease = co_await pool_.acquire(origin, std::move(settings));
    Traffic& traffic = lease.traffic();
    Secret message = message_of(request);
    try {
      std::unique_ptr<Exchange> exchange = co_await begin(std::move(lease), origin, std::move(message));
      traffic.count_answer(exchange->head().status);
      co_return std::move(exchange);
    } catch (const Error&) {
      traffic.count_failure();
      throw;
    }
  }

  void set_connections_per_host(std::size_t limit) override { pool_.set_connections_per_host(limit); }
  void close() noexcept override { pool_.close(); }
  [[nodiscard]] Stats stats() const override { return pool_.stats(); }

private:
  asio::awaitable<std::unique_ptr<Exchange>> begin(ConnectionPool::Lease lease, http::Origin origin, Secret message) {
    bool reused = lease.take_idle();
    while (true) {
      if (!reused) {
        lease.stream = co_await connect(origin, lease.settings());
        pool_.count_opened();
      }
      auto exchange = std::make_unique<Exchange>(std::move(lease), deadlines_, buffers_);
      bool dead = false;
      try {
        co_await exchange->begin(message.reveal());
      } catch (const Error& error) {
        const bool lost = error.error_class() == ErrorClass::network || error.error_class() == ErrorClass::tls;
        dead = reused && lost && !exchange->answered();
        if (!dead) {
          throw;
        }
      }
      if (!dead) {
        co_return std::move(exchange);
      }
      // The peer closed the idle connection while the request was on its way: once more, on a fresh one.
      lease = exchange->take_lease();
      lease.stream.reset();
      reused = false;
    }
  }

  /// Where no descriptor is left, idle connections make room, once.
  asio::awaitable<std::unique_ptr<Stream>> connect(http::Origin origin, ConnectionSettings settings) {
    std::optional<Error> failure;
    std::unique_ptr<Stream> stream;
    try {
      stream = co_await connector_->connect(origin, settings);
    } catch (const OutOfDescriptors& error) {
      failure = error;
    }
    if (!failure) {
      co_return std::move(stream);
    }
    if (!pool_.drop_half_of_idle()) {
      throw Error(std::move(*failure));
    }
    stream = co_await connector_->connect(origin, settings);
    co_return std::move(stream);
  }

  static void check(const Request& request) {
    if (request.authorization.empty()) {
      return;
    }
    if (request.url.origin().scheme != "https") {
      throw Error(ErrorClass::policy, "a credential is never sent over http");
    }
    const std::string_view value = request.authorization.reveal();
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      throw Error(ErrorClass::auth, "the credential holds a line break or a NUL");
    }
  }

  Deadlines deadlines_;
  std::unique_ptr<Connector> connector_;
  ConnectionPool pool_;
  std::shared_ptr<Buffers> buffers_ = std::make_shared<Buffers>();
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client_with(asio::any_io_executor executor, ClientOptions options,
                                                  std::unique_ptr<Connector> connector) {
  return std::make_unique<PooledClient>(std::move(executor), options, std::move(connector));
}

std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor, async::Workers& workers,
                                             ClientOptions options) {
  auto connector = make_connector(executor, workers, options.deadlines);
  rlimit open_files{};
  if (getrlimit(RLIMIT_NOFILE, &open_files) == 0) {
    options.max_idle_connections = std::min(options.max_idle_connections, idle_connections_under(open_files.rlim_cur));
  }
  return make_http_client_with(std::move(executor), options, std::move(connector));
}

asio::awaitable<std::string> read_some_body(Response& response, std::size_t limit_bytes) {
  std::string text;
  while (true) {
    const std::string_view part = co_await response.read_body();
    if (part.empty()) {
      co_return text;
    }
    text += part.substr(0, limit_bytes - text.size());
    if (text.size() >= limit_bytes) {
      co_return text;
    }
  }
}

}  // namespace adapter::net
