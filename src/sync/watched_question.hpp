// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <optional>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/wire/protocol_v2.hpp"

namespace adapter::sync {

/// Runs `question` until it ends or `end` returns an error, which is thrown. The other one is cancelled. An exception
/// of `question` comes through.
asio::awaitable<std::vector<wire::Ref>> run_until(asio::awaitable<std::vector<wire::Ref>> question,
                                                  asio::awaitable<std::optional<Error>> end);

}  // namespace adapter::sync
