// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace adapter::async {

/// Threads that run jobs in the order in which they were posted. Where a job waits for `patience` while no other
/// begins, every thread is taken to hang, and one more is started, up to a bound; it stays. Made and destroyed on one
/// thread; the destructor runs the jobs that wait and joins the threads.
class WorkerPool {
public:
  static constexpr std::chrono::milliseconds usual_patience{1000};

  /// `name`: a literal of at most 15 bytes, by which `top -H` shows the threads. `threads`: to begin with, from 1.
  /// `most_threads`: not fewer. Throws std::system_error when the system has no thread.
  WorkerPool(const char* name, std::size_t threads, std::size_t most_threads,
             std::chrono::milliseconds patience = usual_patience);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Any thread. `job` is called once, without an argument, and does not throw.
  template <class Job>
  void post(Job job) {
    note_posted();
    auto counted = [this, job = std::move(job)]() mutable {
      note_begun();
      job();
      note_ended();
    };
    asio::post(context_, std::move(counted));
  }

  /// That there are now. Any thread.
  [[nodiscard]] std::size_t threads() const;

private:
  void note_posted();
  void note_begun();
  void note_ended();
  [[nodiscard]] bool has_to_wait() const noexcept { return waiting_ > 0 && waiting_ + running_ > threads_.size(); }
  void start_thread();
  void end_threads();
  void watch(const std::stop_token& stop);

  const char* name_;
  std::size_t most_threads_;
  std::chrono::milliseconds patience_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> open_;
  mutable std::mutex mutex_;  ///< of all below but `watch_`
  std::condition_variable_any busy_;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::uint64_t begun_ = 0;
  std::vector<std::thread> threads_;
  std::jthread watch_;
};

}  // namespace adapter::async
