// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <utility>

namespace adapter::async {

/// Counts permits. Waiters are served by the rank of their claims, and first come, first served where these are equal.
/// Loop thread only; must outlive its permits.
class Semaphore {
public:
  /// What a waiter asks for beyond a permit.
  struct Claim {
    double rank = 0;             ///< the lowest is served first; not NaN
    std::size_t leave_free = 0;  ///< permits that stay free when this one is given
  };

  class Permit {
  public:
    Permit() = default;
    Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { release(); }
    void release() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }

  private:
    friend class Semaphore;
    explicit Permit(Semaphore* owner) noexcept : owner_(owner) {}
    Semaphore* owner_ = nullptr;
  };

  Semaphore(asio::any_io_executor executor, std::size_t permits);

  /// Waits for a permit. A cancelled waiter loses its place and throws asio::system_error(operation_aborted).
  asio::awaitable<Permit> acquire() { return acquire(no_claim); }
  /// The same by `claim`, which outlives the wait. Its rank stays as it is. Its `leave_free` may change meanwhile, and
  /// counts from the next permit that comes back or the next resize(). A waiter that must leave more permits free than
  /// there are is passed by those behind it that need not.
  asio::awaitable<Permit> acquire(const Claim& claim);
  /// A permit by `claim` that is free now and that no waiter may have.
  [[nodiscard]] std::optional<Permit> try_acquire(const Claim& claim = no_claim) noexcept;
  /// Fewer permits take effect as they come back. Looks at the waiters' claims again, also when the number is the same.
  void resize(std::size_t permits);
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

private:
  struct Waiter {
    Waiter(asio::steady_timer& wake_timer, const Claim& asked) : timer(&wake_timer), claim(&asked) {}
    asio::steady_timer* timer;
    const Claim* claim;
    bool granted = false;
  };
  [[nodiscard]] bool is_free(const Claim& claim) const noexcept;
  void give_back() noexcept;
  void grant() noexcept;

  static const Claim no_claim;

  asio::any_io_executor executor_;
  std::size_t limit_;
  std::size_t in_use_ = 0;
  /// By rank; none of them may have a permit that is free now, by the claims as last seen.
  std::list<Waiter*> waiters_;
};

/// A sleeper that can be woken. Loop thread only; one waiter at a time. A wake that comes while nobody waits is kept.
class Wakeup {
public:
  explicit Wakeup(const asio::any_io_executor& executor) : timer_(executor) {}
  void wake() noexcept;
  /// True when woken, false when `deadline` came. time_point::max() waits for a wake only.
  asio::awaitable<bool> wait_until(std::chrono::steady_clock::time_point deadline);

private:
  asio::steady_timer timer_;
  bool pending_ = false;
};

}  // namespace adapter::async
