// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/version.hpp>

#if ASIO_VERSION >= 102300
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif

/// Names that moved between Asio 1.22 and 1.38: `compat::as_tuple`, `compat::deferred`.
namespace adapter::async {
#if ASIO_VERSION >= 102300
namespace compat = ::asio;
#else
namespace compat = ::asio::experimental;
#endif
}  // namespace adapter::async
