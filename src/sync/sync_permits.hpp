// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "adapter/async/semaphore.hpp"
#include "permit_use.hpp"

namespace adapter::sync {

/// The permits of `concurrency.syncs`, given so that repositories whose work takes long cannot keep those whose work is
/// short waiting: the waiter whose repository has used least of them lately is served first, by PermitUse. Where there
/// are two permits or more, a repository that has used much leaves the last one free for a minute, and one permit more
/// is there while all are held by repositories that have used them for long. Loop thread only; outlives its permits and
/// waiters.
class SyncPermits {
public:
  class Permit {
  public:
    Permit() = default;
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { release(); }
    void release() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }

  private:
    friend class SyncPermits;
    Permit(SyncPermits& owner, std::string repository, async::Semaphore::Permit permit) noexcept;
    SyncPermits* owner_ = nullptr;
    std::string repository_;
    async::Semaphore::Permit permit_;
  };

  SyncPermits(const asio::any_io_executor& executor, std::size_t permits,
              PermitUse::Clock clock = std::chrono::steady_clock::now);

  /// Waits for a permit, which counts as used by `repository` until it is released. A cancelled waiter loses its place
  /// and throws asio::system_error(operation_aborted).
  asio::awaitable<Permit> acquire(std::string repository);
  /// At a reload. Fewer permits take effect as they come back.
  void resize(std::size_t permits);

private:
  class Waiter;
  void look_again() noexcept;
  void watch_waiters() noexcept;
  void stop_watching() noexcept;

  async::Semaphore semaphore_;
  std::size_t permits_;
  PermitUse::Clock clock_;
  PermitUse use_;
  bool has_one_more_ = false;  ///< permits_ + 1 may be held
  std::list<Waiter*> busy_;    ///< waiters that had used much when they came: their sums fade while they wait
  asio::steady_timer timer_;   ///< to the next look at what time has changed
  bool watching_ = false;      ///< the timer runs
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  ///< for a look that outlasts this object
};

}  // namespace adapter::sync
