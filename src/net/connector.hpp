// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <memory>

#include "adapter/http/url.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/net/stream.hpp"
#include "resolver.hpp"

namespace adapter::net {

/// Opens connections. The seam between HTTP and sockets: tests put scripts in its place. Loop thread only.
class Connector {
public:
  virtual ~Connector() = default;
  /// A stream that is ready for the first request: resolved, checked, connected, shaken hands with.
  /// Errors: network, tls, timeout, policy, operation_aborted; the text names each address that was tried.
  virtual asio::awaitable<std::unique_ptr<Stream>> connect(http::Origin origin, ConnectionSettings settings) = 0;
};

/// Over TCP, and TLS for https.
[[nodiscard]] std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, const Deadlines& deadlines);
/// With another way from names to addresses.
[[nodiscard]] std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, const Deadlines& deadlines,
                                                        Resolver::Lookup lookup);

/// make_http_client over another way to connect.
[[nodiscard]] std::unique_ptr<HttpClient> make_http_client_with(asio::any_io_executor executor, ClientOptions options,
                                                                std::unique_ptr<Connector> connector);

}  // namespace adapter::net
