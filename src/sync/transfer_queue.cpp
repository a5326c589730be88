// SPDX-License-Identifier: Apache-2.0
#include "transfer_queue.hpp"

#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <system_error>
#include <utility>

#include "adapter/async/compat.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds between_decisions{1};

Error ended_for_another(bool has_begun) {
  const std::string why = has_begun ? "less than 64 KiB a second of the pack arrived for 10 s"
                                    : "the server prepared the pack and sent no byte of it for 10 s or more";
  return Error(ErrorClass::timeout, "the transfer was ended: " + why +
                                        " while another repository waited for its place (concurrency); it is tried "
                                        "again");
}

}  // namespace

struct TransferQueue::Seat {
  Seat(TransferQueue& of, TransferSlots::Id with_id) : queue(of), id(with_id), timer(of.executor_) {
    timer.expires_at(steady_clock::time_point::max());
  }
  TransferQueue& queue;
  TransferSlots::Id id;
  asio::steady_timer timer;  ///< cancelled when the place is given, and again when the transfer must end
  bool granted = false;
  bool ended = false;
  bool has_begun = false;  ///< a byte of the pack arrived
};

TransferQueue::Place::Place(std::unique_ptr<Seat> seat) : seat_(std::move(seat)) {}

TransferQueue::Place::Place(Place&& other) noexcept = default;

TransferQueue::Place& TransferQueue::Place::operator=(Place&& other) noexcept {
  std::swap(seat_, other.seat_);  // the other one's destructor gives back what was here
  return *this;
}

TransferQueue::Place::~Place() {
  if (seat_) {
    seat_->queue.leave(seat_->id);
  }
}

bool TransferQueue::Place::was_ended() const noexcept {
  return seat_->ended;
}

void TransferQueue::Place::received(std::uint64_t bytes) {
  seat_->has_begun = true;
  seat_->queue.slots_.received(seat_->id, bytes, steady_clock::now());
}

void TransferQueue::Place::set_held_up(bool held_up) {
  seat_->queue.slots_.set_held_up(seat_->id, held_up, steady_clock::now());
}

asio::awaitable<transport::FetchResult> TransferQueue::Place::receive(asio::awaitable<transport::FetchResult> transfer,
                                                                      steady_clock::time_point deadline, Error late) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer& timer = seat_->timer;
  timer.expires_at(deadline);
  auto group =
      asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(transfer), async::compat::deferred),
                                              timer.async_wait(async::compat::deferred));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  auto& [order, failure, result, timer_error] = reply;
  if (order[0] == 1 && !timer_error) {
    throw Error(std::move(late));
  }
  if (failure && seat_->ended) {
    throw ended_for_another(seat_->has_begun);
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  co_return std::move(result);
}

TransferQueue::TransferQueue(asio::any_io_executor executor, TransferSlots::Limits limits)
    : executor_(std::move(executor)), slots_(limits), tick_(executor_) {}

TransferQueue::~TransferQueue() = default;

void TransferQueue::set_limits(TransferSlots::Limits limits) {
  slots_.set_limits(limits);
  decide();
}

asio::awaitable<TransferQueue::Place> TransferQueue::acquire(std::string host, std::size_t times_ended) {
  const TransferSlots::Id id = slots_.enter(host, times_ended);
  Place place(std::make_unique<Seat>(*this, id));
  Seat& seat = *place.seat_;
  seats_[id] = &seat;
  co_await wait_until_granted(seat);
  co_return std::move(place);
}

asio::awaitable<void> TransferQueue::wait_until_granted(Seat& seat) {
  if (slots_.has_room()) {
    decide();
  } else {
    arm();
  }
  if (!seat.granted) {
    std::error_code woken;
    co_await seat.timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (!seat.granted) {
    throw asio::system_error(asio::error::operation_aborted);
  }
}

void TransferQueue::Place::pause() {
  seat_->queue.slots_.pause(seat_->id, steady_clock::now());
  seat_->granted = seat_->ended;  // one that ends does not go on
  seat_->queue.decide();
}

asio::awaitable<void> TransferQueue::Place::resume() {
  seat_->queue.slots_.resume(seat_->id);
  co_await seat_->queue.wait_until_granted(*seat_);
}

std::optional<TransferQueue::Place> TransferQueue::try_acquire(const std::string& host) {
  const std::optional<TransferSlots::Id> id = slots_.try_enter(host, steady_clock::now());
  if (!id.has_value()) {
    return std::nullopt;
  }
  Place place(std::make_unique<Seat>(*this, *id));
  place.seat_->granted = true;
  seats_[*id] = place.seat_.get();
  return place;
}

void TransferQueue::leave(TransferSlots::Id transfer) {
  seats_.erase(transfer);
  slots_.leave(transfer);
  decide();
}

void TransferQueue::decide() {
  const TransferSlots::Decisions decisions = slots_.decide(steady_clock::now());
  for (const TransferSlots::Id id : decisions.started) {
    seats_.at(id)->granted = true;
    seats_.at(id)->timer.cancel();
  }
  for (const TransferSlots::Id id : decisions.ended) {
    seats_.at(id)->ended = true;
    seats_.at(id)->timer.cancel();
  }
  arm();
}

void TransferQueue::arm() {
  if (slots_.waiting() == 0) {
    tick_.cancel();  // else it would keep a loop that has ended all work for a second
    return;
  }
  if (armed_) {
    return;
  }
  armed_ = true;
  tick_.expires_after(between_decisions);
  tick_.async_wait([this, alive = std::weak_ptr<const bool>(alive_)](const std::error_code& error) {
    if (alive.expired()) {
      return;
    }
    armed_ = false;
    if (error) {
      arm();
    } else {
      decide();
    }
  });
}

}  // namespace adapter::sync
