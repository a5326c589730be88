// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <optional>

#include "adapter/base/error.hpp"

namespace adapter::testing {

/// What a call of a fake does: it ends well after a turn of the loop, throws, or hangs until it is cancelled.
struct FakeStep {
  std::optional<Error> failure;
  bool hangs = false;
  int calls = 0;

  asio::awaitable<void> run() {
    ++calls;
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    if (hangs) {
      asio::steady_timer timer(executor);
      timer.expires_at(asio::steady_timer::time_point::max());
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (failure) {
      throw Error(*failure);
    }
  }
};

}  // namespace adapter::testing
