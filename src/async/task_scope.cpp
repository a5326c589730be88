// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/task_scope.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cassert>
#include <exception>

#include "adapter/base/error.hpp"
#include "adapter/log/log.hpp"

namespace adapter::async {
namespace {

/// Whether it was more than a cancellation, and was logged.
bool log_failure(const std::string& task, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const asio::system_error& error) {
    if (error.code() == asio::error::operation_aborted) {
      return false;
    }
    log::error("task_failed", error.what(), {{"task", task}});
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      return false;
    }
    log::error("task_failed", error.text(), {{"task", task}, {"class", error.error_class()}});
  } catch (const std::exception& error) {
    log::error("task_failed", error.what(), {{"task", task}});
  }
  return true;
}

asio::awaitable<void> last(std::string name, std::function<asio::awaitable<void>()> make,
                           std::chrono::milliseconds pause) {
  while (true) {
    std::exception_ptr failure;
    try {
      auto task = make();
      co_await std::move(task);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure || !log_failure(name, failure)) {
      co_return;
    }
    asio::steady_timer timer(co_await asio::this_coro::executor, pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

TaskScope::TaskScope(asio::any_io_executor executor) : executor_(std::move(executor)), empty_(executor_) {
  empty_.expires_at(asio::steady_timer::time_point::max());
}

TaskScope::~TaskScope() {
  assert(tasks_.empty());
}

void TaskScope::spawn(std::string name, asio::awaitable<void> task) {
  if (cancelled_) {
    return;
  }
  const auto place = tasks_.emplace(tasks_.end(), std::move(name));
  auto finished = [this, place](const std::exception_ptr& failure) {
    if (failure) {
      log_failure(place->name, failure);
    }
    tasks_.erase(place);
    if (tasks_.empty()) {
      empty_.cancel();
    }
  };
  asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(place->cancel.slot(), std::move(finished)));
}

void TaskScope::spawn_lasting(std::string name, std::function<asio::awaitable<void>()> make,
                              std::chrono::milliseconds pause) {
  auto task = last(name, std::move(make), pause);
  spawn(std::move(name), std::move(task));
}

void TaskScope::cancel() {
  cancelled_ = true;
  // A task may end, and leave the list, while its signal is emitted.
  for (auto task = tasks_.begin(); task != tasks_.end();) {
    const auto current = task++;
    current->cancel.emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<void> TaskScope::join() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!tasks_.empty()) {
    std::error_code woken;
    co_await empty_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

}  // namespace adapter::async
