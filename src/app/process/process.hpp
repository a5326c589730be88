// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "adapter/async/job_list.hpp"
#include "adapter/config/config.hpp"
#include "adapter/log/log.hpp"
#include "options.hpp"

namespace adapter::app {

/// Before anything else: std::terminate() logs `crashed`; no SIGPIPE, no core files, no debugger of the same user, as
/// many open files as the hard limit allows, threads with stacks of 1 MiB, a malloc that gives memory back, and the
/// signals that have handlers held back until there are handlers. Single-threaded.
void prepare_process();

/// The signals that have handlers: SIGTERM, SIGINT, SIGHUP, SIGUSR1.
[[nodiscard]] sigset_t handled_signals() noexcept;

/// Lets the signals through that prepare_process() holds back, to handlers of this thread or to what they do by
/// themselves. For commands whose loop never blocks; the others have a SignalThread.
void release_signals();

/// The logger as the command line, the configuration and the terminal say, in this order; a SIGBUS logs `crashed`.
void configure_logging(const Options& options, const config::Config* config);
/// What configure_logging() sets.
[[nodiscard]] log::Options logging_options(const Options& options, const config::Config* config);

/// Threads for long work: as configured, else one more than `concurrency.syncs`, at least the number of cores, at most
/// 64.
[[nodiscard]] std::size_t worker_threads(const config::Config& config) noexcept;

/// Ends the process when a stop takes longer than 9 s. On a thread of its own, so that it works whatever the loop does.
///
/// A job that hangs in the kernel (a syncfs, a dead NFS server) cannot be joined. Every job leaves the volume whole
/// wherever it is cut off, so a stop that waits for jobs alone is a clean one: the log names them and the exit code is
/// 0. In every other case the exit code is 1.
class StopDeadline {
public:
  /// The jobs that a stop may wait for.
  void watch(std::shared_ptr<const async::JobList> jobs) {
    const std::lock_guard lock(mutex_);
    jobs_ = std::move(jobs);
  }
  /// From now on; any thread. Again does nothing.
  void arm();
  /// The loop knows of the stop.
  void heard_by_loop() noexcept { heard_ = true; }
  /// Every task was asked to end: from now on the stop waits for jobs alone.
  void waits_for_jobs() noexcept { only_jobs_ = true; }

private:
  void start();
  [[noreturn]] void cut_off() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const async::JobList> jobs_;  ///< under the mutex
  std::atomic<bool> armed_{false};
  std::atomic<bool> heard_{false};
  std::atomic<bool> only_jobs_{false};
  std::jthread thread_;
};

/// The largest of each limit among the configuration's repositories, for the object library's process-wide caps.
[[nodiscard]] Limits largest_limits(const config::Config& config) noexcept;

}  // namespace adapter::app
