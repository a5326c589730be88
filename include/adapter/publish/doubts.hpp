// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <set>
#include <string>

namespace adapter::publish {

/// Paths below data_dir whose last sync failed. The kernel may have dropped the pages, so that a second sync succeeds
/// and proves nothing: what lies there has to be written anew. All publishers of a process share one, because that
/// holds for as long as the process lives, whatever configuration comes and goes. Any thread.
class Doubts {
public:
  void add(const std::string& path);
  void remove(const std::string& path);
  [[nodiscard]] bool has(const std::string& path) const;

private:
  mutable std::mutex mutex_;
  std::set<std::string> paths_;
};

}  // namespace adapter::publish
