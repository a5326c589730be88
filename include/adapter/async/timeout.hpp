// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "adapter/async/compat.hpp"
#include "adapter/base/error.hpp"

namespace adapter::async {

/// The Error of a deadline that passed: class timeout, "phase took longer than 30s".
[[nodiscard]] Error timeout_error(std::string_view phase, std::chrono::steady_clock::duration limit);
/// The Error, of the class that its reader has for it, of a file that could not be read within `limit`.
[[nodiscard]] Error slow_file_error(ErrorClass error_class, const std::filesystem::path& file,
                                    std::chrono::steady_clock::duration limit);

/// Runs `op` until `deadline`, when it is cancelled and `late` is thrown. Cancelling the caller cancels `op`; an error
/// of `op` comes through at once. T must be default-constructible. Costs two allocations and a timer: for phases, not
/// for reads.
template <class T>
asio::awaitable<T> with_deadline(asio::awaitable<T> op, std::chrono::steady_clock::time_point deadline, Error late) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_at(deadline);
  auto group = asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(op), compat::deferred),
                                                       timer.async_wait(compat::deferred));
  if constexpr (std::is_void_v<T>) {
    auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    auto& [order, failure, timer_error] = reply;
    if (order[0] == 1 && !timer_error) {
      throw Error(std::move(late));
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
  } else {
    auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    auto& [order, failure, value, timer_error] = reply;
    if (order[0] == 1 && !timer_error) {
      throw Error(std::move(late));
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
    co_return std::move(value);
  }
}

/// with_deadline() from now on; `phase` names the wait in the error.
template <class T>
asio::awaitable<T> with_timeout(asio::awaitable<T> op, std::chrono::steady_clock::duration limit,
                                std::string_view phase) {
  return with_deadline(std::move(op), std::chrono::steady_clock::now() + limit, timeout_error(phase, limit));
}

}  // namespace adapter::async
