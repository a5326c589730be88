// SPDX-License-Identifier: Apache-2.0
#include "host_access.hpp"

#include <utility>

namespace adapter::sync {

asio::awaitable<HostAccess> acquire_place_and_connection(TransferQueue& transfers, HostTurns& connections,
                                                         std::string host, std::size_t times_ended) {
  HostAccess access;
  TransferQueue::Place place = co_await transfers.acquire(host, times_ended);
  std::optional<HostTurns::Turn> free = connections.try_acquire(host);
  if (free.has_value()) {
    access.connection = std::move(*free);
  } else {
    place.pause();
    access.connection = co_await connections.acquire_connection(std::move(host));
    co_await place.resume();
  }
  access.place.emplace(std::move(place));
  co_return std::move(access);
}

}  // namespace adapter::sync
