// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace adapter::async {

/// The bounded pool for work that blocks: libgit2, hashing, files. Made and destroyed on the main thread; the
/// destructor waits for jobs that run, so cancel their owners first.
class Workers {
public:
  explicit Workers(std::size_t threads) : threads_(threads), pool_(threads) {}
  ~Workers() { pool_.join(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] std::size_t threads() const noexcept { return threads_; }
  [[nodiscard]] asio::thread_pool& pool() noexcept { return pool_; }

private:
  std::size_t threads_;
  asio::thread_pool pool_;
};

namespace detail {

template <class R>
struct JobState {
  std::stop_source stop;
  std::optional<R> value;
  std::exception_ptr failure;
};
template <>
struct JobState<void> {
  std::stop_source stop;
  std::exception_ptr failure;
};

template <class R, class F>
void run_job(JobState<R>& state, F& work) {
  try {
    if constexpr (std::is_void_v<R>) {
      work(state.stop.get_token());
    } else {
      state.value.emplace(work(state.stop.get_token()));
    }
  } catch (...) {
    state.failure = std::current_exception();
  }
}

/// Starts the job when the coroutine suspends; a functor with a constructor, because GCC 12 destroys captures twice.
template <class R, class F>
class StartJob {
public:
  StartJob(asio::thread_pool& pool, std::shared_ptr<JobState<R>> state, F work)
      : pool_(&pool), state_(std::move(state)), work_(std::move(work)) {}

  template <class Handler>
  void operator()(Handler&& handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([state = state_](asio::cancellation_type) { state->stop.request_stop(); });
    }
    auto home = asio::get_associated_executor(handler);
    auto guard = asio::prefer(home, asio::execution::outstanding_work.tracked);
    auto job = [state = state_, work = std::move(work_), guard = std::move(guard), slot,
                handler = std::decay_t<Handler>(std::forward<Handler>(handler))]() mutable {
      run_job<R>(*state, work);
      // The state goes home with the result: what the job threw or returned is destroyed there, not here.
      auto back = [slot, state = std::move(state), handler = std::move(handler)]() mutable {
        slot.clear();
        std::move(handler)();
      };
      asio::post(guard, std::move(back));
    };
    asio::post(*pool_, std::move(job));
  }

private:
  asio::thread_pool* pool_;
  std::shared_ptr<JobState<R>> state_;
  F work_;
};

}  // namespace detail

/// Runs `work(std::stop_token)` on a worker and brings its result, or its exception, back to the caller's executor.
/// Cancelling the coroutine requests stop and then *waits for the job to return*: what the job was lent stays valid.
/// `work` must own plain data or refer to what outlives this await.
template <class F>
asio::awaitable<std::invoke_result_t<F&, std::stop_token>> run_blocking(Workers& workers, F work) {
  using R = std::invoke_result_t<F&, std::stop_token>;
  auto state = std::make_shared<detail::JobState<R>>();
  detail::StartJob<R, F> start(workers.pool(), state, std::move(work));
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(std::move(start), asio::use_awaitable);
  if (state->failure) {
    std::rethrow_exception(state->failure);
  }
  if constexpr (!std::is_void_v<R>) {
    co_return std::move(*state->value);
  }
}

}  // namespace adapter::async
