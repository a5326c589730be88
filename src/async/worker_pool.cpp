// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/worker_pool.hpp"

#include <pthread.h>

#include <system_error>

namespace adapter::async {

WorkerPool::WorkerPool(const char* name, std::size_t threads, std::size_t most_threads,
                       std::chrono::milliseconds patience)
    : name_(name),
      most_threads_(most_threads),
      patience_(patience),
      context_(static_cast<int>(most_threads)),
      open_(context_.get_executor()) {
  try {
    while (threads_.size() < threads) {
      start_thread();
    }
    if (threads < most_threads) {
      watch_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
    }
  } catch (const std::system_error&) {
    end_threads();
    throw;
  }
}

WorkerPool::~WorkerPool() {
  watch_.request_stop();
  if (watch_.joinable()) {
    watch_.join();
  }
  end_threads();
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

void WorkerPool::note_posted() {
  const std::lock_guard lock(mutex_);
  ++waiting_;
  if (has_to_wait()) {
    busy_.notify_one();
  }
}

void WorkerPool::note_begun() {
  const std::lock_guard lock(mutex_);
  --waiting_;
  ++running_;
  ++begun_;
}

void WorkerPool::note_ended() {
  const std::lock_guard lock(mutex_);
  --running_;
}

void WorkerPool::start_thread() {
  threads_.emplace_back([this] {
    pthread_setname_np(pthread_self(), name_);
    context_.run();
  });
}

void WorkerPool::end_threads() {
  open_.reset();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void WorkerPool::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (threads_.size() < most_threads_) {
    busy_.wait(lock, stop, [this] { return has_to_wait(); });
    const std::uint64_t begun_before = begun_;
    busy_.wait_for(lock, stop, patience_, [] { return false; });
    if (stop.stop_requested()) {
      return;
    }
    if (has_to_wait() && begun_ == begun_before) {
      try {
        start_thread();
      } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch) the next turn tries again
      }
    }
  }
}

}  // namespace adapter::async
