// SPDX-License-Identifier: Apache-2.0
#include "connector.hpp"

#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "adapter/net/address.hpp"
#include "socket.hpp"
#include "tls_context.hpp"
#include "tls_stream.hpp"

namespace adapter::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds min_connect_share{1000};

/// The addresses of a name that may be tried, and why the others, and those tried in vain, were no good.
struct Candidates {
  std::vector<asio::ip::tcp::endpoint> endpoints;
  std::string failures;
  std::optional<Error> refusal;
  std::size_t timeouts = 0;

  void add_failure(const std::string& text) { failures += (failures.empty() ? "" : "; ") + text; }
};

Candidates choose(const std::vector<asio::ip::address>& addresses, std::uint16_t port, bool loopback_allowed) {
  Candidates candidates;
  for (const asio::ip::address& address : addresses) {
    if (auto refused = refuse_address(address, loopback_allowed)) {
      candidates.add_failure(refused->text());
      candidates.refusal = std::move(refused);
    } else {
      candidates.endpoints.emplace_back(address, port);
    }
  }
  return candidates;
}

class NetworkConnector final : public Connector {
public:
  NetworkConnector(asio::any_io_executor executor, async::Workers& workers, const Deadlines& deadlines,
                   Resolver::Lookup lookup)
      : executor_(std::move(executor)),
        deadlines_(deadlines),
        resolver_(executor_, std::move(lookup)),
        contexts_(workers, deadlines.certificates) {}

  asio::awaitable<std::unique_ptr<Stream>> connect(http::Origin origin, ConnectionSettings settings) override {
    const bool loopback_allowed = settings.allow_loopback || http::is_loopback_name(origin.host);
    const std::vector<asio::ip::address> addresses = co_await resolver_.resolve(origin.host, deadlines_.resolve);
    Candidates candidates = choose(addresses, origin.port, loopback_allowed);
    if (candidates.endpoints.empty()) {
      throw Error(*candidates.refusal);
    }
    // Before the connection: a bad ca_file needs no server to be found.
    Ssl ssl;
    if (origin.scheme == "https") {
      ssl = co_await contexts_.new_connection(settings.ca_file, origin.host);
    }
    std::shared_ptr<Socket> socket = co_await dial(std::move(candidates));
    if (!ssl) {
      co_return make_tcp_stream(std::move(socket));
    }
    socket->set_deadline(steady_clock::now() + deadlines_.tls, "TLS handshake");
    auto stream = co_await start_tls(std::move(socket), std::move(ssl), origin.host);
    co_return std::move(stream);
  }

private:
  /// Each address in turn, with its share of the time that is left.
  asio::awaitable<std::shared_ptr<Socket>> dial(Candidates candidates) {
    const auto end = steady_clock::now() + deadlines_.connect;
    const std::size_t count = candidates.endpoints.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto now = steady_clock::now();
      const auto left = std::chrono::duration_cast<milliseconds>(end - now);
      const auto share =
          std::max(left / static_cast<milliseconds::rep>(count - i), std::min(min_connect_share, deadlines_.connect));
      auto socket = std::make_shared<Socket>(executor_);
      socket->set_deadline(now + share, "connect");
      const std::error_code failure = co_await socket->connect(candidates.endpoints[i]);
      if (!failure) {
        co_return socket;
      }
      if (failure == std::errc::too_many_files_open || failure == std::errc::too_many_files_open_in_system) {
        throw OutOfDescriptors(failure.message());
      }
      if (socket->timed_out()) {
        ++candidates.timeouts;
        candidates.add_failure(socket->peer() + ": no answer within " + std::to_string(share.count()) + " ms");
      } else {
        candidates.add_failure(socket->peer() + ": " + failure.message());
      }
      socket->close();
    }
    const ErrorClass error_class = candidates.timeouts == count ? ErrorClass::timeout : ErrorClass::network;
    throw Error(error_class, "connect failed: " + candidates.failures);
  }

  asio::any_io_executor executor_;
  Deadlines deadlines_;
  Resolver resolver_;
  TlsContexts contexts_;
};

}  // namespace

std::size_t idle_connections_under(std::uint64_t max_open_files) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(max_open_files / 4, ClientOptions().max_idle_connections));
}

std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, async::Workers& workers,
                                          const Deadlines& deadlines) {
  return make_connector(std::move(executor), workers, deadlines, system_lookup);
}

std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, async::Workers& workers,
                                          const Deadlines& deadlines, Resolver::Lookup lookup) {
  return std::make_unique<NetworkConnector>(std::move(executor), workers, deadlines, std::move(lookup));
}

}  // namespace adapter::net
