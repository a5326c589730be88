// SPDX-License-Identifier: Apache-2.0
#include "watched_question.hpp"

#include <asio/co_spawn.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <utility>

#include "adapter/async/compat.hpp"

namespace adapter::sync {

asio::awaitable<std::vector<wire::Ref>> run_until(asio::awaitable<std::vector<wire::Ref>> question,
                                                  asio::awaitable<std::optional<Error>> end) {
  const auto executor = co_await asio::this_coro::executor;
  auto group =
      asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(question), async::compat::deferred),
                                              asio::co_spawn(executor, std::move(end), async::compat::deferred));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  auto& [order, failure, refs, end_failure, error] = reply;
  if (order[0] == 1 && !end_failure && error.has_value()) {
    throw Error(std::move(*error));
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  co_return std::move(refs);
}

}  // namespace adapter::sync
