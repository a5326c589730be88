// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapter/transport/remote.hpp"
#include "transfer_slots.hpp"

namespace adapter::sync {

/// Places for transfers: TransferSlots with a clock, coroutines that wait, and the end of those that are too slow. Loop
/// thread only; must outlive its places.
class TransferQueue {
  struct Seat;

public:
  TransferQueue(asio::any_io_executor executor, TransferSlots::Limits limits);
  ~TransferQueue();
  TransferQueue(const TransferQueue&) = delete;
  TransferQueue& operator=(const TransferQueue&) = delete;

  void set_limits(TransferSlots::Limits limits);
  [[nodiscard]] bool shared_with_checks() const noexcept { return slots_.limits().shared_with_checks; }

  /// The right to receive from a host; given back by its destructor.
  class Place {
  public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place();

    /// Runs the transfer until its end or `deadline`, when `late` is thrown. Class timeout when the policy ends it.
    asio::awaitable<transport::FetchResult> receive(asio::awaitable<transport::FetchResult> transfer,
                                                    std::chrono::steady_clock::time_point deadline, Error late);
    /// While it waits for something else of its host it holds up no other host.
    void pause();
    /// Waits until it may go on. A cancelled waiter throws asio::system_error(operation_aborted).
    asio::awaitable<void> resume();
    /// Bytes of the pack.
    void received(std::uint64_t bytes);
    void set_held_up(bool held_up);
    /// The policy ended it.
    [[nodiscard]] bool was_ended() const noexcept;

  private:
    friend class TransferQueue;
    explicit Place(std::unique_ptr<Seat> seat);
    std::unique_ptr<Seat> seat_;
  };

  /// Waits for a place; see TransferSlots::enter. A cancelled waiter throws asio::system_error(operation_aborted).
  asio::awaitable<Place> acquire(std::string host, std::size_t times_ended);
  /// A place that is free now and that none waits for; see TransferSlots::try_enter.
  [[nodiscard]] std::optional<Place> try_acquire(const std::string& host);

private:
  asio::awaitable<void> wait_until_granted(Seat& seat);
  void leave(TransferSlots::Id transfer);
  void decide();
  void arm();

  asio::any_io_executor executor_;
  TransferSlots slots_;
  std::map<TransferSlots::Id, Seat*> seats_;
  asio::steady_timer tick_;
  bool armed_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  ///< for a tick that outlasts the queue
};

}  // namespace adapter::sync
