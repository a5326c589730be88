// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "adapter/base/error.hpp"
#include "adapter/http/url.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/net/stream.hpp"
#include "resolver.hpp"

namespace adapter::net {

/// The process, or the machine, has no descriptor left for another socket (EMFILE, ENFILE). Class network.
class OutOfDescriptors : public Error {
public:
  explicit OutOfDescriptors(const std::string& reason)
      : Error(ErrorClass::network, "cannot open a socket: " + reason +
                                       "; allow the process more open files (ulimit -n, LimitNOFILE= of systemd)") {}
};

/// How many idle connections may be kept under a limit of open files (RLIMIT_NOFILE). The rest is for busy connections,
/// for the clients of the admin port and for files.
[[nodiscard]] std::size_t idle_connections_under(std::uint64_t max_open_files) noexcept;

/// Opens connections. The seam between HTTP and sockets: tests put scripts in its place. Loop thread only.
class Connector {
public:
  virtual ~Connector() = default;
  /// A stream that is ready for the first request: resolved, checked, connected, shaken hands with.
  /// Errors: network (OutOfDescriptors among them), tls, timeout, policy, operation_aborted; the text names each
  /// address that was tried.
  virtual asio::awaitable<std::unique_ptr<Stream>> connect(http::Origin origin, ConnectionSettings settings) = 0;
};

/// Over TCP, and TLS for https. `workers`: see make_http_client().
[[nodiscard]] std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, async::Workers& workers,
                                                        const Deadlines& deadlines);
/// With another way from names to addresses.
[[nodiscard]] std::unique_ptr<Connector> make_connector(asio::any_io_executor executor, async::Workers& workers,
                                                        const Deadlines& deadlines, Resolver::Lookup lookup);

/// make_http_client over another way to connect.
[[nodiscard]] std::unique_ptr<HttpClient> make_http_client_with(asio::any_io_executor executor, ClientOptions options,
                                                                std::unique_ptr<Connector> connector);

}  // namespace adapter::net
