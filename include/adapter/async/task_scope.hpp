// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <list>
#include <string>

namespace adapter::async {

/// Owns coroutines: starts them, logs what escapes from them, cancels them, waits for them. Nothing in the program is
/// detached. Loop thread only. A scope must be empty when it is destroyed (asserted): `cancel()`, then `co_await
/// join()`.
class TaskScope {
public:
  explicit TaskScope(asio::any_io_executor executor);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// `name` is for the log. An exception that leaves the task, other than a cancellation, is logged as "task_failed".
  /// After cancel() nothing is started any more.
  void spawn(std::string name, asio::awaitable<void> task);
  /// A task that has to run as long as the scope: where `make`'s coroutine fails, memory is short for one, that is
  /// logged and the next one is begun after `pause`. It ends when one returns, or is cancelled.
  void spawn_lasting(std::string name, std::function<asio::awaitable<void>()> make,
                     std::chrono::milliseconds pause = std::chrono::seconds(10));
  /// Asks every task to end (terminal cancellation); returns at once. Must be called on the loop, not inside a task's
  /// await.
  void cancel();
  /// Waits until every task has ended. Not cancellable: joining is how clean-up ends.
  asio::awaitable<void> join();

  [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }

private:
  struct Task {
    explicit Task(std::string task_name) : name(std::move(task_name)) {}
    std::string name;
    asio::cancellation_signal cancel;
  };

  asio::any_io_executor executor_;
  std::list<Task> tasks_;
  asio::steady_timer empty_;
  bool cancelled_ = false;
};

}  // namespace adapter::async
