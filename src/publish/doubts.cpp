// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/doubts.hpp"

namespace adapter::publish {

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
