// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>

#include "host_turns.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {

/// The right to ask a host, or to receive a pack from it.
struct HostAccess {
  std::optional<TransferQueue::Place> place;  ///< of a transfer, or of a check that takes turns with transfers
  HostTurns::Turn connection;
};

/// Waits for a place, and then for a connection of its host: meanwhile the place holds up no transfer of another host.
/// Class timeout as HostTurns::acquire_connection(); a cancelled waiter throws asio::system_error(operation_aborted).
asio::awaitable<HostAccess> acquire_place_and_connection(TransferQueue& transfers, HostTurns& connections,
                                                         std::string host, std::size_t times_ended);

}  // namespace adapter::sync
