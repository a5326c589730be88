// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include "adapter/config/config.hpp"
#include "options.hpp"

namespace adapter::app {

/// Before anything else: std::terminate() logs `crashed`; no SIGPIPE, no core files, no debugger of the same user, as
/// many open files as the hard limit allows, threads with stacks of 1 MiB, a malloc that gives memory back, and the
/// signals that have handlers held back until there are handlers. Single-threaded.
void prepare_process();

/// Lets the signals through that prepare_process() holds back: once their handlers stand, and before any thread starts.
void release_signals();

/// Whether SIGTERM or SIGINT came while they are held back.
[[nodiscard]] bool stop_is_pending() noexcept;

/// The logger as the command line, the configuration and the terminal say, in this order.
void configure_logging(const Options& options, const config::Config* config);

/// Threads for blocking work: as configured, else two or the number of cores, whichever is more.
[[nodiscard]] std::size_t worker_threads(const config::Config& config) noexcept;

/// A stop that takes longer than 9 s is cut off: what is on disk is complete at any moment, only the exit code tells.
/// On a thread of its own, so that it works whatever the loop is busy with.
class StopDeadline {
public:
  /// From now on. Again does nothing.
  void arm();

private:
  void start();

  std::jthread thread_;
};

/// The largest of each limit among the configuration's repositories, for the object library's process-wide caps.
[[nodiscard]] Limits largest_limits(const config::Config& config) noexcept;

}  // namespace adapter::app
