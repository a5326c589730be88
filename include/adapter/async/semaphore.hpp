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

/// Counts permits; waiters are served first come, first served. Loop thread only; must outlive its permits.
class Semaphore {
public:
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
  asio::awaitable<Permit> acquire();
  /// A permit that is free now and that no earlier one waits for.
  [[nodiscard]] std::optional<Permit> try_acquire() noexcept;
  /// At a reload. Fewer permits take effect as they come back.
  void resize(std::size_t permits);
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

private:
  struct Waiter {
    explicit Waiter(asio::steady_timer& wake_timer) : timer(&wake_timer) {}
    asio::steady_timer* timer;
    bool granted = false;
  };
  void give_back() noexcept;
  void grant() noexcept;

  asio::any_io_executor executor_;
  std::size_t limit_;
  std::size_t in_use_ = 0;
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
