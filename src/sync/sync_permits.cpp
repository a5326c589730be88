// SPDX-License-Identifier: Apache-2.0
#include "sync_permits.hpp"

#include <chrono>
#include <new>
#include <optional>
#include <system_error>

namespace adapter::sync {
namespace {

/// While repositories wait.
constexpr std::chrono::milliseconds between_looks{500};
/// One that has used much takes the last permit after it has waited for this time, which no other needed meanwhile.
constexpr std::chrono::seconds longest_courtesy{60};

}  // namespace

/// What waits, from its arrival to its end. It is looked at again only when it had used much: others stay light.
class SyncPermits::Waiter {
public:
  Waiter(SyncPermits& owner, const std::string& repository)
      : owner_(owner), repository_(repository), came_(owner.clock_()) {
    claim.rank = owner.use_.rank(repository);
    if (owner.use_.sum(repository) > PermitUse::much) {
      place_ = owner.busy_.insert(owner.busy_.end(), this);
    }
  }
  ~Waiter() {
    if (place_ != owner_.busy_.end()) {
      owner_.busy_.erase(place_);
    }
    if (owner_.semaphore_.waiting() == 0) {
      owner_.stop_watching();
    }
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void look_again() {
    const bool polite = owner_.has_one_more_ || owner_.clock_() - came_ < longest_courtesy;
    claim.leave_free = owner_.permits_ > 1 && polite && owner_.use_.used_much(repository_) ? 1 : 0;
  }

  async::Semaphore::Claim claim;

private:
  SyncPermits& owner_;
  const std::string& repository_;
  PermitUse::TimePoint came_;
  std::list<Waiter*>::iterator place_ = owner_.busy_.end();
};

SyncPermits::Permit::Permit(SyncPermits& owner, std::string repository, async::Semaphore::Permit permit) noexcept
    : owner_(&owner), repository_(std::move(repository)), permit_(std::move(permit)) {}

SyncPermits::Permit::Permit(Permit&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      repository_(std::move(other.repository_)),
      permit_(std::move(other.permit_)) {}

SyncPermits::Permit& SyncPermits::Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    repository_ = std::move(other.repository_);
    permit_ = std::move(other.permit_);
  }
  return *this;
}

void SyncPermits::Permit::release() noexcept {
  if (owner_ == nullptr) {
    return;
  }
  SyncPermits& owner = *std::exchange(owner_, nullptr);
  owner.use_.end(repository_);
  owner.look_again();
  permit_.release();
}

SyncPermits::SyncPermits(const asio::any_io_executor& executor, std::size_t permits, PermitUse::Clock clock)
    : semaphore_(executor, permits), permits_(permits), clock_(std::move(clock)), use_(clock_), timer_(executor) {}

asio::awaitable<SyncPermits::Permit> SyncPermits::acquire(std::string repository) {
  Waiter waiter(*this, repository);
  look_again();
  waiter.look_again();
  std::optional<async::Semaphore::Permit> permit = semaphore_.try_acquire(waiter.claim);
  if (!permit) {
    watch_waiters();
    permit = co_await semaphore_.acquire(waiter.claim);
  }
  use_.begin(repository);
  co_return Permit(*this, std::move(repository), std::move(*permit));
}

void SyncPermits::resize(std::size_t permits) {
  permits_ = permits;
  look_again();
}

/// What the clock, or a permit that was given or came back, has changed for those that wait.
void SyncPermits::look_again() noexcept {
  has_one_more_ = permits_ > 1 && use_.held_long() >= permits_;
  for (Waiter* const waiter : busy_) {
    waiter->look_again();
  }
  semaphore_.resize(has_one_more_ ? permits_ + 1 : permits_);
}

/// Looks again in a while, for as long as any repository waits. Without memory for it the next one to come tries again.
void SyncPermits::watch_waiters() noexcept {
  if (watching_) {
    return;
  }
  try {
    timer_.expires_after(between_looks);
    timer_.async_wait([this, alive = std::weak_ptr<const bool>(alive_)](const std::error_code& failure) {
      // One that had expired when this object went comes without a failure.
      if (failure || alive.expired()) {
        return;
      }
      watching_ = false;
      look_again();
      if (semaphore_.waiting() != 0) {
        watch_waiters();
      }
    });
    watching_ = true;
  } catch (const std::bad_alloc&) {
    watching_ = false;
  }
}

void SyncPermits::stop_watching() noexcept {
  if (std::exchange(watching_, false)) {
    timer_.cancel();
  }
}

}  // namespace adapter::sync
