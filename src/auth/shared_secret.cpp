// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/shared_secret.hpp"

#include <utility>

namespace adapter::auth {

SharedSecret::SharedSecret(config::SecretSource source, config::Environment environment,
                           std::chrono::milliseconds patience)
    : patience_(patience), reader_(std::move(source), std::move(environment)) {}

SharedSecret::Look SharedSecret::look() {
  std::unique_lock lock(mutex_);
  if (!ended_.wait_for(lock, patience_, [this] { return !reading_; })) {
    return last_;
  }
  reading_ = true;
  lock.unlock();
  Look found;
  try {
    found = read();
  } catch (...) {
    lock.lock();
    reading_ = false;
    ended_.notify_one();
    throw;
  }
  lock.lock();
  reading_ = false;
  ended_.notify_one();
  const bool was_told = looked_ && last_.failure && found.failure && last_.failure->text() == found.failure->text();
  looked_ = true;
  last_ = found;
  found.is_news = found.failure && !was_told;
  return found;
}

SharedSecret::Look SharedSecret::read() {
  Look found;
  const Result<bool> changed = reader_.refresh();
  if (changed) {
    found.value = reader_.value();
  } else {
    found.failure = changed.error();
  }
  return found;
}

}  // namespace adapter::auth
