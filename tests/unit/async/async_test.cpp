// SPDX-License-Identifier: Apache-2.0
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <gtest/gtest.h>

#include <thread>

#include "adapter/async/backoff.hpp"
#include "adapter/async/interrupt.hpp"
#include "adapter/async/semaphore.hpp"
#include "adapter/async/task_scope.hpp"
#include "adapter/async/timeout.hpp"
#include "adapter/async/workers.hpp"

namespace adapter::async {
namespace {

using namespace std::chrono_literals;

/// Runs one coroutine to its end on a loop of its own; what it throws comes out.
void run(asio::io_context& loop, asio::awaitable<void> task) {
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(task), [&](const std::exception_ptr& result) { failure = result; });
  loop.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

asio::awaitable<std::string> answer_after(std::chrono::milliseconds delay, std::string text) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_after(delay);
  co_await timer.async_wait(asio::use_awaitable);
  co_return text;
}

TEST(WithTimeout, GivesTheResultOfWhatIsQuickEnough) {
  asio::io_context loop(1);
  std::string got;
  run(loop, [](std::string& out) -> asio::awaitable<void> {
    out = co_await with_timeout(answer_after(1ms, std::string(100, 'x')), 10s, "test");
  }(got));
  EXPECT_EQ(got, std::string(100, 'x'));
}

TEST(WithTimeout, NamesThePhaseThatTookTooLong) {
  asio::io_context loop(1);
  try {
    run(loop,
        []() -> asio::awaitable<void> { co_await with_timeout(answer_after(10s, std::string()), 5ms, "resolve"); }());
    FAIL() << "no timeout";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::timeout);
    EXPECT_EQ(error.text(), "resolve took longer than 5ms");
  }
}

TEST(WithInterrupt, GivesTheResultOrTheReasonOfTheInterruption) {
  for (const bool interrupts : {false, true}) {
    asio::io_context loop(1);
    Wakeup interrupt(loop.get_executor());
    std::string got;
    const auto work = [](Wakeup& wakeup, bool wakes, std::string& out) -> asio::awaitable<void> {
      if (wakes) {
        wakeup.wake();
      }
      const std::chrono::milliseconds delay = wakes ? std::chrono::milliseconds(10s) : 1ms;
      Error reason(ErrorClass::storage, "the tree is gone");
      out = co_await with_interrupt(answer_after(delay, std::string(100, 'x')), wakeup, std::move(reason));
    };
    try {
      run(loop, work(interrupt, interrupts, got));
      EXPECT_EQ(got, std::string(100, 'x'));
      EXPECT_FALSE(interrupts);
    } catch (const Error& error) {
      EXPECT_EQ(error.text(), "the tree is gone");
      EXPECT_TRUE(interrupts);
    }
  }
}

TEST(WithInterrupt, EndsWhenTheCallerIsCancelled) {
  asio::io_context loop(1);
  Wakeup interrupt(loop.get_executor());
  asio::cancellation_signal cancel;
  std::exception_ptr failure;
  const auto work = [](Wakeup& wakeup) -> asio::awaitable<void> {
    Error reason(ErrorClass::storage, "the tree is gone");
    co_await with_interrupt(answer_after(10s, std::string()), wakeup, std::move(reason));
  };
  asio::co_spawn(
      loop, work(interrupt),
      asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& result) { failure = result; }));
  asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
  loop.run();
  ASSERT_TRUE(failure);
  EXPECT_THROW(std::rethrow_exception(failure), asio::system_error) << "it is none of the tree";
}

TEST(RunBlocking, RunsElsewhereAndComesHome) {
  asio::io_context loop(1);
  Workers workers(2);
  std::thread::id worker;
  std::thread::id home;
  std::string value;
  run(loop,
      [](Workers& pool, std::thread::id& there, std::thread::id& back, std::string& out) -> asio::awaitable<void> {
        const std::string text(64, 'y');
        auto job = [text, &there](const std::stop_token&) {
          there = std::this_thread::get_id();
          return text;
        };
        out = co_await run_blocking(pool, std::move(job), "a step");
        back = std::this_thread::get_id();
      }(workers, worker, home, value));
  EXPECT_EQ(value, std::string(64, 'y'));
  EXPECT_EQ(home, std::this_thread::get_id());
  EXPECT_NE(worker, home);
}

TEST(RunBlocking, BringsAnExceptionHome) {
  asio::io_context loop(1);
  Workers workers(1);
  EXPECT_THROW(run(loop,
                   [](Workers& pool) -> asio::awaitable<void> {
                     auto job = [](const std::stop_token&) -> int { throw Error(ErrorClass::storage, "disk"); };
                     co_await run_blocking(pool, job, "a step");
                   }(workers)),
               Error);
}

TEST(RunBlocking, CancellationStopsTheJobAndWaitsForIt) {
  asio::io_context loop(1);
  Workers workers(1);
  bool job_ended = false;
  TaskScope scope(loop.get_executor());
  scope.spawn("job", [](Workers& pool, bool& ended) -> asio::awaitable<void> {
    auto job = [&ended](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
      }
      ended = true;
    };
    co_await run_blocking(pool, job, "a step");
  }(workers, job_ended));
  run(loop, [](TaskScope& tasks) -> asio::awaitable<void> {
    co_await answer_after(20ms, std::string());
    tasks.cancel();
    co_await tasks.join();
  }(scope));
  EXPECT_TRUE(job_ended);
  EXPECT_EQ(scope.size(), 0U);
}

asio::awaitable<void> fail_twice(int& begun) {
  if (++begun < 3) {
    throw std::bad_alloc();
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

TEST(TaskScope, BeginsALastingTaskAnewAfterAFailureUntilItIsCancelled) {
  asio::io_context loop(1);
  TaskScope scope(loop.get_executor());
  int begun = 0;
  scope.spawn_lasting("lasting", [&begun] { return fail_twice(begun); }, 1ms);
  run(loop, [](TaskScope& tasks, int& count) -> asio::awaitable<void> {
    while (count < 3) {
      co_await answer_after(1ms, std::string());
    }
    co_await answer_after(20ms, std::string());
    EXPECT_EQ(tasks.size(), 1U);
    tasks.cancel();
    co_await tasks.join();
  }(scope, begun));
  EXPECT_EQ(begun, 3);
  EXPECT_EQ(scope.size(), 0U);
}

TEST(JobList, NamesWhatRunsAndItsStepUntilItHasEnded) {
  asio::io_context loop(1);
  Workers pool(1);
  Workers workers(pool, "docs");
  std::vector<RunningJob> outer;
  std::vector<RunningJob> inner;
  run(loop, [](Workers& under, std::vector<RunningJob>& one, std::vector<RunningJob>& two) -> asio::awaitable<void> {
    auto job = [jobs = under.jobs(), &one, &two](const std::stop_token&) {
      one = jobs->running();
      const JobStep step("syncfs");
      two = jobs->running();
    };
    co_await run_blocking(under, std::move(job), "write the tree");
  }(workers, outer, inner));
  ASSERT_EQ(outer.size(), 1U);
  EXPECT_EQ(outer.front().owner, "docs");
  EXPECT_EQ(outer.front().step, "write the tree");
  ASSERT_EQ(inner.size(), 1U);
  EXPECT_EQ(inner.front().step, "syncfs");
  EXPECT_TRUE(pool.jobs()->running().empty());
}

TEST(JobStep, HasNoEffectOutsideAJob) {
  const JobStep step("syncfs");
}

TEST(Semaphore, ServesWaitersInOrderAndSurvivesACancelledOne) {
  asio::io_context loop(1);
  Semaphore semaphore(loop.get_executor(), 1);
  TaskScope cancelled(loop.get_executor());
  TaskScope tasks(loop.get_executor());
  std::string order;
  const auto use = [](Semaphore& s, std::string& out, char name) -> asio::awaitable<void> {
    const auto permit = co_await s.acquire();
    out.push_back(name);
    co_await answer_after(5ms, std::string());
  };
  tasks.spawn("a", use(semaphore, order, 'a'));
  cancelled.spawn("b", use(semaphore, order, 'b'));
  tasks.spawn("c", use(semaphore, order, 'c'));
  run(loop, [](TaskScope& gone, TaskScope& rest) -> asio::awaitable<void> {
    co_await answer_after(1ms, std::string());
    gone.cancel();
    co_await gone.join();
    co_await rest.join();
  }(cancelled, tasks));
  EXPECT_EQ(order, "ac");
  EXPECT_EQ(semaphore.waiting(), 0U);
}

TEST(Wakeup, KeepsAWakeThatCameEarly) {
  asio::io_context loop(1);
  Wakeup wakeup(loop.get_executor());
  bool first = false;
  bool second = true;
  wakeup.wake();
  run(loop, [](Wakeup& w, bool& one, bool& two) -> asio::awaitable<void> {
    one = co_await w.wait_until(std::chrono::steady_clock::time_point::max());
    const auto soon = std::chrono::steady_clock::now() + 2ms;
    two = co_await w.wait_until(soon);
  }(wakeup, first, second));
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
}

TEST(Backoff, GrowsToItsCapWithFullJitter) {
  const Backoff backoff{.base = 1000ms, .cap = 8000ms, .floor = 100ms};
  std::mt19937_64 random(7);
  for (unsigned failures = 1; failures < 40; ++failures) {
    std::chrono::milliseconds largest{0};
    for (int i = 0; i < 200; ++i) {
      const auto delay = backoff.delay(failures, random);
      EXPECT_GE(delay, 100ms);
      largest = std::max(largest, delay);
    }
    const auto step = std::min<std::int64_t>(8000, 1000LL << std::min(failures - 1, 10U));
    EXPECT_LE(largest.count(), step);
    EXPECT_GT(largest.count(), step / 2);
  }
}

}  // namespace
}  // namespace adapter::async
