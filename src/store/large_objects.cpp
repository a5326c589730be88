// SPDX-License-Identifier: Apache-2.0
#include "large_objects.hpp"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "adapter/base/error.hpp"

namespace adapter::store {
namespace {

/// One permit, for the threads that ask in the order in which they ask.
class Turnstile {
public:
  void take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = ++last_ticket_;
    waiting_.insert(ticket);
    const bool first = changed_.wait(lock, stop, [&] { return !taken_ && *waiting_.begin() == ticket; });
    waiting_.erase(ticket);
    if (!first) {
      changed_.notify_all();
      throw Error(ErrorClass::cancelled, "reading an object of " + std::to_string(large_object_bytes / mib) +
                                             " MiB or more was cancelled while it waited for its turn");
    }
    taken_ = true;
  }

  void give_back() {
    const std::lock_guard lock(mutex_);
    taken_ = false;
    changed_.notify_all();
  }

  [[nodiscard]] bool is_waited_for() {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
  }

private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool taken_ = false;
  std::uint64_t last_ticket_ = 0;
  std::set<std::uint64_t> waiting_;
};

Turnstile& turnstile() {
  static Turnstile one;
  return one;
}

thread_local bool held_here = false;

}  // namespace

LargeObjectPermit::LargeObjectPermit(const std::stop_token& stop) {
  assert(!held_here);
  turnstile().take(stop);
  held_ = true;
  held_here = true;
}

LargeObjectPermit::~LargeObjectPermit() {
  if (held_) {
    held_here = false;
    turnstile().give_back();
  }
}

void LargeObjectPermit::give_way(const std::stop_token& stop) {
  if (!held_ || !turnstile().is_waited_for()) {
    return;
  }
  held_ = false;
  held_here = false;
  turnstile().give_back();
  turnstile().take(stop);
  held_ = true;
  held_here = true;
}

}  // namespace adapter::store
