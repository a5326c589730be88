// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "adapter/async/job_list.hpp"
#include "adapter/async/workers.hpp"

namespace adapter::async {

/// A job that may hang in the kernel, a read of a file on a mount that is dead. One runs at a time; all that ask
/// meanwhile share its result, and each waits for it no longer than its patience or until it is cancelled. A job that
/// nothing waits for any longer goes on, and may outlive this object. Loop thread; the loop outlives `workers`.
template <class T>
class SharedJob {
public:
  using Work = std::function<T()>;
  /// A patience without an end.
  static constexpr std::chrono::hours forever{24 * 365 * 100};

  /// `step`, a literal, names the job in Workers::jobs(). `workers` outlives this object.
  SharedJob(Workers& workers, const char* step, Lane lane) : workers_(&workers), step_(step), lane_(lane) {}

  /// What `work` returns or throws, or the job that runs already. nullopt when there is no result `patience` after that
  /// job was begun. `work` runs on a worker and owns what it uses. Destroying this object while a coroutine waits is a
  /// bug.
  asio::awaitable<std::optional<T>> run(Work work, std::chrono::milliseconds patience) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    if (!job_ || job_->ended) {
      begin(executor, std::move(work));
    }
    const std::shared_ptr<Job> job = job_;
    asio::steady_timer timer(executor);
    timer.expires_at(job->began + patience);
    const Waiting waiting(*job, timer);
    std::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (woken && !job->ended) {
      throw asio::system_error(asio::error::operation_aborted);
    }
    if (job->failure) {
      std::rethrow_exception(job->failure);
    }
    co_return job->value;
  }

private:
  struct Job {
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    bool ended = false;
    std::optional<T> value;
    std::exception_ptr failure;
    std::set<asio::steady_timer*> waiters;
  };

  class Waiting {
  public:
    Waiting(Job& job, asio::steady_timer& timer) : job_(job), timer_(timer) { job_.waiters.insert(&timer_); }
    ~Waiting() { job_.waiters.erase(&timer_); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

  private:
    Job& job_;
    asio::steady_timer& timer_;
  };

  void begin(const asio::any_io_executor& executor, Work work) {
    job_ = std::make_shared<Job>();
    auto run = [executor, job = job_, work = std::move(work), jobs = workers_->jobs(), owner = workers_->owner(),
                step = step_]() mutable {
      std::optional<T> value;
      std::exception_ptr failure;
      {
        const JobList::Entry listed(*jobs, std::move(owner), step);
        try {
          value.emplace(work());
        } catch (...) {
          failure = std::current_exception();
        }
      }
      auto end = [job = std::move(job), value = std::move(value), failure]() mutable {
        job->ended = true;
        job->value = std::move(value);
        job->failure = failure;
        for (asio::steady_timer* const timer : job->waiters) {
          timer->cancel();
        }
      };
      asio::post(executor, std::move(end));
    };
    workers_->post(lane_, std::move(run));
  }

  Workers* workers_;
  const char* step_;
  Lane lane_;
  std::shared_ptr<Job> job_;
};

}  // namespace adapter::async
