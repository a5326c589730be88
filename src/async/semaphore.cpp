// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/semaphore.hpp"

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <system_error>

namespace adapter::async {

Semaphore::Permit& Semaphore::Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
  }
  return *this;
}

void Semaphore::Permit::release() noexcept {
  if (owner_ != nullptr) {
    std::exchange(owner_, nullptr)->give_back();
  }
}

const Semaphore::Claim Semaphore::no_claim{};

Semaphore::Semaphore(asio::any_io_executor executor, std::size_t permits)
    : executor_(std::move(executor)), limit_(permits) {}

/// Whether a permit can be given by `claim`.
bool Semaphore::is_free(const Claim& claim) const noexcept {
  return in_use_ < limit_ && limit_ - in_use_ > claim.leave_free;
}

asio::awaitable<Semaphore::Permit> Semaphore::acquire(const Claim& claim) {
  if (is_free(claim)) {
    ++in_use_;
    co_return Permit(this);
  }
  asio::steady_timer timer(executor_);
  timer.expires_at(asio::steady_timer::time_point::max());
  Waiter waiter(timer, claim);
  const auto behind = std::find_if(waiters_.begin(), waiters_.end(),
                                   [&claim](const Waiter* other) { return other->claim->rank > claim.rank; });
  const auto place = waiters_.insert(behind, &waiter);
  // A cancellation must not lose a permit that was granted in the same turn of the loop.
  std::error_code woken;
  std::exception_ptr failure;
  try {
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  } catch (...) {
    failure = std::current_exception();
  }
  if (waiter.granted && !failure) {
    co_return Permit(this);
  }
  if (waiter.granted) {
    give_back();
  } else {
    waiters_.erase(place);
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  throw asio::system_error(asio::error::operation_aborted);
}

std::optional<Semaphore::Permit> Semaphore::try_acquire(const Claim& claim) noexcept {
  if (!is_free(claim)) {
    return std::nullopt;
  }
  ++in_use_;
  return Permit(this);
}

void Semaphore::resize(std::size_t permits) {
  limit_ = permits;
  grant();
}

void Semaphore::give_back() noexcept {
  --in_use_;
  grant();
}

void Semaphore::grant() noexcept {
  auto place = waiters_.begin();
  while (in_use_ < limit_ && place != waiters_.end()) {
    Waiter* const next = *place;
    if (!is_free(*next->claim)) {
      ++place;
      continue;
    }
    place = waiters_.erase(place);
    ++in_use_;
    next->granted = true;
    next->timer->cancel();
  }
}

void Wakeup::wake() noexcept {
  pending_ = true;
  timer_.cancel();
}

asio::awaitable<bool> Wakeup::wait_until(std::chrono::steady_clock::time_point deadline) {
  if (!pending_) {
    timer_.expires_at(deadline);
    std::error_code result;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, result));
    if (result && !pending_) {
      throw asio::system_error(result);
    }
  }
  co_return std::exchange(pending_, false);
}

}  // namespace adapter::async
