// SPDX-License-Identifier: Apache-2.0
#include "crew.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

namespace adapter::publish {
namespace {

struct Shared {
  std::mutex mutex;
  std::condition_variable helper_left;
  const std::function<void()>* member = nullptr;  ///< null once the caller is done: too late to join
  std::size_t joined = 0;
  std::exception_ptr failure;
};

void help(Shared& shared) {
  const std::function<void()>* member = nullptr;
  {
    const std::lock_guard lock(shared.mutex);
    member = shared.member;
    if (member == nullptr) {
      return;
    }
    ++shared.joined;
  }
  std::exception_ptr failure;
  try {
    (*member)();
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(shared.mutex);
  if (failure && !shared.failure) {
    shared.failure = failure;
  }
  --shared.joined;
  shared.helper_left.notify_all();
}

}  // namespace

Crew::Crew(async::Workers& workers, std::size_t helpers)
    : workers_(&workers), helpers_(std::min(helpers, std::max<std::size_t>(workers.threads(), 1) - 1)) {}

void Crew::run(const std::function<void()>& member) {
  const auto shared = std::make_shared<Shared>();
  shared->member = &member;
  for (std::size_t i = 0; i < helpers_; ++i) {
    workers_->post(async::Lane::help, [shared] { help(*shared); });
  }
  std::exception_ptr failure;
  try {
    member();
  } catch (...) {
    failure = std::current_exception();
  }
  std::unique_lock lock(shared->mutex);
  shared->member = nullptr;
  shared->helper_left.wait(lock, [&] { return shared->joined == 0; });
  if (!failure) {
    failure = shared->failure;
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace adapter::publish
