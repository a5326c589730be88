// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "adapter/log/log.hpp"
#include "adapter/publish/data_directory_lock.hpp"

namespace adapter::publish {

struct LockAttempt::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_done = false;
  std::unique_ptr<DataDirectoryLock> lock;
  std::exception_ptr failure;
};

LockAttempt::LockAttempt(std::filesystem::path data_dir)
    : data_dir_(std::move(data_dir)), shared_(std::make_shared<Shared>()), began_(std::chrono::steady_clock::now()) {
  log::info("locking", "taking the lock of the data directory", {{"data_dir", data_dir_.native()}});
  std::thread([shared = shared_, path = data_dir_] {
    std::unique_ptr<DataDirectoryLock> lock;
    std::exception_ptr failure;
    try {
      lock = std::make_unique<DataDirectoryLock>(path);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard guard(shared->mutex);
    shared->lock = std::move(lock);
    shared->failure = failure;
    shared->is_done = true;
    shared->changed.notify_all();
  }).detach();
}

bool LockAttempt::wait_for(std::chrono::milliseconds patience) {
  bool is_done = false;
  {
    std::unique_lock guard(shared_->mutex);
    is_done = shared_->changed.wait_for(guard, patience, [this] { return shared_->is_done; });
  }
  const auto waited = std::chrono::steady_clock::now() - began_;
  if (!is_done && waited >= next_warning_) {
    log::warning("lock_waits",
                 "the volume does not answer a lock: on NFS the server, or the lock service of client or server "
                 "(rpc.statd, lockd), is down or behind a firewall; on FUSE its process hangs. Mend it, or stop this "
                 "process and mount the volume anew",
                 {{"data_dir", data_dir_.native()},
                  {"seconds", std::chrono::duration_cast<std::chrono::seconds>(waited).count()}});
    next_warning_ *= 2;
  }
  return is_done;
}

std::unique_ptr<DataDirectoryLock> LockAttempt::take() {
  const std::lock_guard guard(shared_->mutex);
  if (shared_->failure) {
    std::rethrow_exception(std::exchange(shared_->failure, nullptr));
  }
  return std::move(shared_->lock);
}

}  // namespace adapter::publish
