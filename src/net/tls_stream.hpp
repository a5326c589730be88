// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <memory>
#include <string>

#include "adapter/net/stream.hpp"
#include "openssl.hpp"
#include "socket.hpp"

namespace adapter::net {

/// Shakes hands over a connected socket, whose deadline the caller has set. Errors: tls (the certificate, the
/// protocol), network, timeout, operation_aborted.
asio::awaitable<std::unique_ptr<Stream>> start_tls(std::shared_ptr<Socket> socket, Ssl ssl, std::string host);

}  // namespace adapter::net
