// SPDX-License-Identifier: Apache-2.0
#include "server/request_threads.hpp"

#include <exception>
#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::admin {
namespace {

/// A default would be 8 MiB or 128 KiB, by the C library.
constexpr std::size_t stack_bytes = 512UL * 1024;

}  // namespace

void RequestThreads::prepare() {
  const std::lock_guard lock(mutex_);
  add_thread();
}

void RequestThreads::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return;
    }
    jobs_.push_back(std::move(job));
    if (idle_ < jobs_.size() && threads_.size() < max_threads_) {
      add_thread();
    }
  }
  wake_.notify_one();
}

bool RequestThreads::add_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread{};
  const int failure = pthread_create(&thread, &attributes, &RequestThreads::run, this);
  pthread_attr_destroy(&attributes);
  if (failure != 0) {
    return false;
  }
  pthread_setname_np(thread, name_);
  threads_.push_back(thread);
  return true;
}

void* RequestThreads::run(void* self) {
  static_cast<RequestThreads*>(self)->work();
  return nullptr;
}

void RequestThreads::work() {
  const std::unique_ptr<HttpServer> server = make_http_server();
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) {
      return;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    try {
      job(*server);
    } catch (const std::exception& error) {
      log::error("admin_failed", error.what());
    }
    job = nullptr;
    lock.lock();
  }
}

void RequestThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.notify_all();
}

void RequestThreads::join() {
  stop();
  std::vector<pthread_t> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  }
  for (const pthread_t thread : threads) {
    pthread_join(thread, nullptr);
  }
}

}  // namespace adapter::admin
