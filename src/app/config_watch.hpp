// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "adapter/config/load.hpp"

namespace adapter::app {

/// Notices that the files of a configuration changed, without a signal: an editor's save, a file that is added to an
/// included folder, the `..data` link that Kubernetes swaps. It looks instead of being told (inotify), because that
/// works on network and FUSE volumes too and costs a few stats. Loop thread.
class ConfigWatch {
public:
  /// How often to look. A change counts when two looks in a row see the same: not while it is written.
  static constexpr std::chrono::seconds interval{1};

  /// What was just loaded, well or badly: changes count from here. Nothing to watch for one from variables.
  void loaded(config::Sources sources);
  [[nodiscard]] bool has_files() const noexcept { return !current_.files.empty(); }
  [[nodiscard]] const config::Sources& sources() const noexcept { return current_; }

  /// What config::look_again() looks at.
  [[nodiscard]] const config::Sources& last_seen() const noexcept { return last_seen_; }
  /// Takes what a look saw: true once for each change. Pure.
  [[nodiscard]] bool settled(config::Sources seen);

private:
  config::Sources current_;
  config::Sources last_seen_;
};

}  // namespace adapter::app
