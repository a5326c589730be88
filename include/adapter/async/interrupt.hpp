// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <utility>

#include "adapter/async/compat.hpp"
#include "adapter/async/semaphore.hpp"
#include "adapter/base/error.hpp"

namespace adapter::async {

/// Runs `op` until `interrupt` is woken, when it is cancelled and `reason` is thrown. Cancelling the caller cancels
/// `op`; an error of `op` comes through at once. `interrupt` outlives the coroutine and has no other waiter. T must be
/// default-constructible.
template <class T>
asio::awaitable<T> with_interrupt(asio::awaitable<T> op, Wakeup& interrupt, Error reason) {
  const auto executor = co_await asio::this_coro::executor;
  auto wake = interrupt.wait_until(std::chrono::steady_clock::time_point::max());
  auto group = asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(op), compat::deferred),
                                                       asio::co_spawn(executor, std::move(wake), compat::deferred));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  auto& [order, failure, value, wake_failure, woken] = reply;
  if (order[0] == 1 && !wake_failure) {
    throw Error(std::move(reason));
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  co_return std::move(value);
}

}  // namespace adapter::async
