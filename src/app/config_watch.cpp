// SPDX-License-Identifier: Apache-2.0
#include "config_watch.hpp"

#include <utility>

namespace adapter::app {

void ConfigWatch::loaded(config::Sources sources) {
  current_ = std::move(sources);
  last_seen_ = current_;
}

bool ConfigWatch::settled(config::Sources seen) {
  const bool differs = seen != current_;
  const bool stands_still = seen == last_seen_;
  last_seen_ = std::move(seen);
  if (!differs || !stands_still) {
    return false;
  }
  current_ = last_seen_;
  return true;
}

}  // namespace adapter::app
