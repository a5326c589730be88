// SPDX-License-Identifier: Apache-2.0
#include "host_turns.hpp"

#include <utility>

#include "adapter/async/timeout.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"

namespace adapter::sync {

HostTurns::HostTurns(asio::any_io_executor executor, std::size_t per_host)
    : executor_(std::move(executor)), per_host_(per_host) {}

HostTurns::Turn::Turn(HostTurns& owner, Hosts::iterator host) noexcept : owner_(&owner), host_(host) {
  ++host_->second.users;
}

HostTurns::Turn::Turn(Turn&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), host_(other.host_), permit_(std::move(other.permit_)) {}

HostTurns::Turn& HostTurns::Turn::operator=(Turn&& other) noexcept {
  std::swap(owner_, other.owner_);  // the other one's destructor gives back what was here
  std::swap(host_, other.host_);
  std::swap(permit_, other.permit_);
  return *this;
}

HostTurns::Turn::~Turn() {
  permit_.release();
  if (owner_ != nullptr && --host_->second.users == 0) {
    owner_->hosts_.erase(host_);
  }
}

bool HostTurns::Turn::is_waited_for() const noexcept {
  return owner_ != nullptr && host_->second.permits.waiting() > 0;
}

asio::awaitable<HostTurns::Turn> HostTurns::acquire(std::string host) {
  const auto place = hosts_.try_emplace(std::move(host), executor_, per_host_).first;
  Turn turn(*this, place);
  turn.permit_ = co_await place->second.permits.acquire();
  co_return std::move(turn);
}

asio::awaitable<HostTurns::Turn> HostTurns::acquire_connection(std::string host) {
  std::optional<Turn> free = try_acquire(host);
  if (free.has_value()) {
    co_return std::move(*free);
  }
  const auto deadline = std::chrono::steady_clock::now() + longest_wait_for_connection;
  Error late = no_connection_came_free(host);
  auto waiting = acquire(std::move(host));
  Turn turn = co_await async::with_deadline(std::move(waiting), deadline, std::move(late));
  co_return std::move(turn);
}

std::optional<HostTurns::Turn> HostTurns::try_acquire(const std::string& host) {
  const auto place = hosts_.try_emplace(host, executor_, per_host_).first;
  Turn turn(*this, place);
  std::optional<async::Semaphore::Permit> permit = place->second.permits.try_acquire();
  if (!permit.has_value()) {
    return std::nullopt;
  }
  turn.permit_ = std::move(*permit);
  return turn;
}

void HostTurns::set_per_host(std::size_t per_host) {
  per_host_ = per_host;
  for (auto& [name, host] : hosts_) {
    host.permits.resize(per_host);
  }
}

Error no_connection_came_free(const std::string& host) {
  return Error(ErrorClass::timeout, "no connection to " + escape(host) + " came free for " +
                                        format_duration(HostTurns::longest_wait_for_connection) +
                                        ": checks and transfers of other repositories used them all; raise "
                                        "concurrency.connections_per_host, or every");
}

}  // namespace adapter::sync
