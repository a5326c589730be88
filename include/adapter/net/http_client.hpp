// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/secret.hpp"
#include "adapter/http/message.hpp"
#include "adapter/http/url.hpp"

/// Connections to remotes, and HTTP/1.1 exchanges over them.
namespace adapter::net {

/// How far each wait on the network may go; the error of a deadline that passed names the phase.
struct Deadlines {
  std::chrono::milliseconds resolve{10'000};
  std::chrono::milliseconds certificates{10'000};  ///< to look at the file of trusted certificates; class tls
  std::chrono::milliseconds connect{10'000};       ///< each address of the name has its share; at least 1 s each
  std::chrono::milliseconds tls{10'000};
  std::chrono::milliseconds write{30'000};
  std::chrono::milliseconds first_byte{60'000};  ///< from the request's last byte to the whole head of the answer
  /// While a body arrives: less than low_speed_bytes_per_second over low_speed_window is an error.
  std::chrono::milliseconds low_speed_window{30'000};
};

/// What besides the origin decides whether two requests may share a connection.
struct ConnectionSettings {
  std::optional<std::filesystem::path> ca_file;  ///< replaces the system's store; read again when the file changes
  bool allow_loopback = false;                   ///< a name may resolve to loopback; implied by http::is_loopback_name
  std::string credential_key;                    ///< names the credential (never its bytes); "" without one

  friend bool operator==(const ConnectionSettings&, const ConnectionSettings&) = default;
  friend auto operator<=>(const ConnectionSettings&, const ConnectionSettings&) = default;
};

struct Request {
  std::string method;  ///< "GET" or "POST"
  http::Url url;
  http::Fields fields;   ///< without Host and Content-Length
  Secret authorization;  ///< value of Authorization; empty: none. Never sent over http.
  std::string body;      ///< sent with Content-Length for POST
  ConnectionSettings settings;

  Request(std::string request_method, http::Url request_url)
      : method(std::move(request_method)), url(std::move(request_url)) {}
};

/// An answer whose head has arrived; its body is pulled. Destroying it before the body's end closes the connection,
/// after it the connection goes back to the pool. Loop thread only; must not outlive its client.
class Response {
public:
  virtual ~Response() = default;
  [[nodiscard]] virtual const http::ResponseHead& head() const noexcept = 0;
  /// The next part of the body, empty at its end. The view is valid until the next call. Waiting to call is the
  /// back-pressure: nothing is read ahead beyond one buffer of 64 KiB.
  virtual asio::awaitable<std::string_view> read_body() = 0;
  [[nodiscard]] virtual std::uint64_t received_bytes() const noexcept = 0;  ///< of the body so far
  /// While `patient`, a trickle is enough: only silence for the whole low-speed window is an error. For a server that
  /// thinks before it sends and says now and then that it still does.
  virtual void set_patient(bool patient) noexcept = 0;
};

struct ClientOptions {
  Deadlines deadlines;
  std::size_t connections_per_host = 4;     ///< per origin, busy ones; waiters queue in order
  std::size_t max_idle_connections = 1024;  ///< in all
  std::chrono::seconds idle_timeout{75};    ///< an idle connection is closed after this long
};

/// An HTTP/1.1 client with a pool of connections per (origin, settings). Loop thread only. Made by make_http_client;
/// close() before destruction.
class HttpClient {
public:
  virtual ~HttpClient() = default;

  /// Sends one request and returns when the head of the answer is there, whatever its status. No redirect is followed
  /// here. A reused connection that turns out dead before a byte of the answer came is replaced, once, by a fresh one.
  /// Errors: network, tls, timeout, protocol, limit, policy (address), cancelled by asio's operation_aborted.
  virtual asio::awaitable<std::unique_ptr<Response>> send(Request request) = 0;

  virtual void set_connections_per_host(std::size_t limit) = 0;
  /// Closes idle connections and refuses new requests.
  virtual void close() noexcept = 0;

  /// How many requests to a host ended in one way.
  struct RequestCount {
    std::string code;  ///< "200"; "error": no answer came; "other": one status too many to be counted by itself
    std::uint64_t count = 0;
  };
  struct HostStats {
    std::string host;  ///< with its port where that is not the scheme's; "other": all past the first thousand
    std::size_t busy = 0;
    std::size_t idle = 0;
    std::vector<RequestCount> requests;  ///< since the start, in the order of the codes; cancelled ones are not counted
  };
  struct Stats {
    std::size_t busy = 0;
    std::size_t idle = 0;
    std::uint64_t opened = 0;      ///< connections since the start
    std::vector<HostStats> hosts;  ///< in the order of their names; one stays when its last connection has gone
  };
  /// A value, safe to hand to other threads.
  [[nodiscard]] virtual Stats stats() const = 0;
};

/// `workers` look at files of certificates (Lane::files); they, and the loop, outlive these looks, which may outlive
/// the client.
[[nodiscard]] std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor, async::Workers& workers,
                                                           ClientOptions options);

/// Drains a body into a string; over `limit_bytes` it is cut there (the rest is dropped and the connection closed).
/// For error pages.
asio::awaitable<std::string> read_some_body(Response& response, std::size_t limit_bytes);

}  // namespace adapter::net
