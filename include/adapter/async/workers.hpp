// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "adapter/async/job_list.hpp"
#include "adapter/async/worker_pool.hpp"

namespace adapter::async {

/// Which threads a job runs on. A job waits for jobs of its own lane only.
enum class Lane : std::uint8_t {
  work,      ///< verifying, indexing, writing trees: minutes, and as many at once as there are workers
  quick,     ///< a look at a link, a note in the journal: milliseconds, while the volume answers
  files,     ///< secrets, certificates, the configuration: milliseconds, while their mounts answer
  deletion,  ///< of what is no longer needed: nothing waits for it
  help,      ///< second threads of jobs that run: an offer, without which a job is only slower
};

/// The bounded pools for work that blocks: libgit2, hashing, files. Made and destroyed on the main thread; the
/// destructor waits for jobs that run, so cancel their owners first. A job that hangs in the kernel cannot be joined:
/// the program's stop has a deadline of its own, which reads jobs(). The lanes of short jobs, quick and files, start
/// more threads while theirs hang, see WorkerPool.
class Workers {
public:
  /// `threads`: of Lane::work; Lane::help has as many, but no more than the machine has cores, and the others a fixed
  /// few.
  explicit Workers(std::size_t threads);
  /// A pool with Lane::work alone, which takes the jobs of all lanes.
  struct OneLane {};
  Workers(std::size_t threads, OneLane one_lane);
  /// The threads of `pool`, which outlive this one; jobs are listed under the name of their `owner`, a repository.
  Workers(Workers& pool, std::string owner);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Of Lane::work.
  [[nodiscard]] std::size_t threads() const noexcept;
  [[nodiscard]] const std::string& owner() const noexcept { return owner_; }
  /// What runs now, of all lanes; may be kept beyond the pool.
  [[nodiscard]] const std::shared_ptr<JobList>& jobs() const noexcept { return jobs_; }

  /// Runs `job`, which is called without an argument and does not throw, on a thread of `lane`. Any thread.
  template <class Job>
  void post(Lane lane, Job job) {
    pool(lane).post(std::move(job));
  }

private:
  struct Pools;
  [[nodiscard]] WorkerPool& pool(Lane lane) const noexcept;

  std::unique_ptr<Pools> own_;
  Pools* pools_;
  std::shared_ptr<JobList> jobs_;
  std::string owner_;
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
  StartJob(Workers& workers, std::shared_ptr<JobState<R>> state, F work, const char* step, Lane lane)
      : workers_(&workers), state_(std::move(state)), work_(std::move(work)), step_(step), lane_(lane) {}

  template <class Handler>
  void operator()(Handler&& handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([state = state_](asio::cancellation_type) { state->stop.request_stop(); });
    }
    auto home = asio::get_associated_executor(handler);
    auto guard = asio::prefer(home, asio::execution::outstanding_work.tracked);
    auto job = [state = state_, work = std::move(work_), guard = std::move(guard), slot, jobs = workers_->jobs(),
                owner = workers_->owner(), step = step_,
                handler = std::decay_t<Handler>(std::forward<Handler>(handler))]() mutable {
      {
        const JobList::Entry listed(*jobs, std::move(owner), step);
        run_job<R>(*state, work);
      }
      // The state goes home with the result: what the job threw or returned is destroyed there, not here.
      auto back = [slot, state = std::move(state), handler = std::move(handler)]() mutable {
        slot.clear();
        std::move(handler)();
      };
      asio::post(guard, std::move(back));
    };
    workers_->post(lane_, std::move(job));
  }

private:
  Workers* workers_;
  std::shared_ptr<JobState<R>> state_;
  F work_;
  const char* step_;
  Lane lane_;
};

}  // namespace detail

/// Runs `work(std::stop_token)` on a worker and brings its result, or its exception, back to the caller's executor.
/// Cancelling the coroutine requests stop and then *waits for the job to return*: what the job was lent stays valid.
/// `work` must own plain data or refer to what outlives this await. `step` (a literal) names it in Workers::jobs(); the
/// job may refine it by a JobStep.
template <class F>
asio::awaitable<std::invoke_result_t<F&, std::stop_token>> run_blocking(Workers& workers, F work, const char* step,
                                                                        Lane lane = Lane::work) {
  using R = std::invoke_result_t<F&, std::stop_token>;
  auto state = std::make_shared<detail::JobState<R>>();
  detail::StartJob<R, F> start(workers, state, std::move(work), step, lane);
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(std::move(start), asio::use_awaitable);
  if (state->failure) {
    std::rethrow_exception(state->failure);
  }
  if constexpr (!std::is_void_v<R>) {
    co_return std::move(*state->value);
  }
}

}  // namespace adapter::async
