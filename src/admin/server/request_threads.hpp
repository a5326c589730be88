// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/http_server.hpp"

namespace adapter::admin {

/// Threads that run exchanges, each with an HttpServer of its own. They are made as they are needed, up to a limit, and
/// stay. Any thread may submit.
class RequestThreads {
public:
  using Job = std::function<void(HttpServer&)>;

  RequestThreads(std::size_t max_threads, const char* name) : max_threads_(max_threads), name_(name) {}
  ~RequestThreads() { join(); }
  RequestThreads(const RequestThreads&) = delete;
  RequestThreads& operator=(const RequestThreads&) = delete;

  /// Makes the first thread now, so that it is there when memory is short later.
  void prepare();
  void submit(Job job);
  /// Drops what has not begun; what has begun goes on.
  void stop();
  /// Stops, and waits for what has begun.
  void join();

private:
  static void* run(void* self);
  void work();
  /// With the mutex held. False when the system gives no thread.
  bool add_thread();

  std::size_t max_threads_;
  const char* name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::vector<pthread_t> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace adapter::admin
