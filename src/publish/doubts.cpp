// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/doubts.hpp"

#include "adapter/base/error.hpp"

namespace adapter::publish {

Doubts::Turn::Turn(Turn&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), link_(std::move(other.link_)) {}

Doubts::Turn::~Turn() {
  if (owner_ != nullptr) {
    const std::lock_guard lock(owner_->mutex_);
    owner_->changing_.erase(link_);
    owner_->turn_ended_.notify_all();
  }
}

Doubts::Turn Doubts::turn_at(const std::string& link, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!turn_ended_.wait(lock, stop, [&] { return !changing_.contains(link); })) {
    throw Error(ErrorClass::cancelled, "waiting to change a link was cancelled");
  }
  Turn turn(*this, link);
  changing_.insert(link);
  return turn;
}

void Doubts::add(const std::string& path) {
  const std::lock_guard lock(mutex_);
  paths_.insert(path);
}

void Doubts::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  paths_.erase(path);
}

bool Doubts::has(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return paths_.contains(path);
}

}  // namespace adapter::publish
