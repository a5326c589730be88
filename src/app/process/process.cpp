// SPDX-License-Identifier: Apache-2.0
#include "process/process.hpp"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "adapter/log/log.hpp"
#include "adapter/log/output.hpp"
#include "commands.hpp"
#include "process/bus_error.hpp"

namespace adapter::app {
namespace {

constexpr std::chrono::seconds stop_limit{9};
/// For the line that says why the process ends at once.
constexpr std::chrono::milliseconds last_words_limit{500};
constexpr std::size_t thread_stack_bytes = std::size_t{1} << 20U;

/// For every thread of the process, those that libraries start too. The C libraries' own default is from 128 KiB (musl)
/// to 8 MiB (glibc); only what is touched costs memory.
void set_thread_stack_size() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) == 0) {
    pthread_attr_setstacksize(&attributes, thread_stack_bytes);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
}

/// The handler of std::terminate(). The C++ library's own writes to standard error itself, and waits for its reader.
[[noreturn]] void log_and_abort() noexcept {
  try {
    std::string reason = "no exception is active";
    if (const std::exception_ptr active = std::current_exception()) {
      try {
        std::rethrow_exception(active);
      } catch (const std::exception& error) {
        reason = error.what();
      } catch (...) {
        reason = "the exception is of an unknown type";
      }
    }
    log::error("crashed", "std::terminate() was called: " + reason);
    log::flush(last_words_limit);
  } catch (...) {  // NOLINT(bugprone-empty-catch) no memory for the words: the signal tells
  }
  std::abort();
}

}  // namespace

sigset_t handled_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    sigaddset(&set, signal);
  }
  return set;
}

void prepare_process() {
  std::set_terminate(log_and_abort);
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t handled = handled_signals();
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  // Its memory holds credentials: no core file, and no other process of the same user may look into it.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // The usual soft limit of 1,024 is for programs that use select().
  rlimit open_files{};
  if (getrlimit(RLIMIT_NOFILE, &open_files) == 0 && open_files.rlim_cur != open_files.rlim_max) {
    open_files.rlim_cur = open_files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &open_files);
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  set_thread_stack_size();
#ifdef __GLIBC__
  // One arena a core costs tens of megabytes here and wins nothing: the loop allocates little, workers write files.
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

void release_signals() {
  const sigset_t handled = handled_signals();
  sigprocmask(SIG_UNBLOCK, &handled, nullptr);
}

log::Options logging_options(const Options& options, const config::Config* config) {
  log::Options logging;
  logging.format = isatty(STDERR_FILENO) == 1 ? log::Format::text : log::Format::json;
  if (config != nullptr) {
    logging.level = config->log_level;
    logging.format = config->log_format.value_or(logging.format);
  }
  logging.level = options.log_level.value_or(logging.level);
  logging.format = options.log_format.value_or(logging.format);
  return logging;
}

void configure_logging(const Options& options, const config::Config* config) {
  const log::Options logging = logging_options(options, config);
  log::configure(logging);
  log_bus_errors(logging.format);
}

std::size_t worker_threads(const config::Config& config) noexcept {
  if (config.workers != 0) {
    return config.workers;
  }
  // One beside those that may all be at work on large repositories.
  constexpr std::size_t most = 64;
  return std::min(most, std::max<std::size_t>(config.concurrency.syncs + 1, std::thread::hardware_concurrency()));
}

Limits largest_limits(const config::Config& config) noexcept {
  Limits largest;
  for (const config::Repository& repository : config.repositories) {
    largest.max_pack_bytes = std::max(largest.max_pack_bytes, repository.limits.max_pack_bytes);
    largest.max_objects = std::max(largest.max_objects, repository.limits.max_objects);
    largest.max_object_bytes = std::max(largest.max_object_bytes, repository.limits.max_object_bytes);
  }
  return largest;
}

void StopDeadline::arm() {
  if (armed_.exchange(true)) {
    return;
  }
  try {
    start();
  } catch (const std::system_error& error) {
    log::warning("stop_unwatched", std::string("no thread for the stop's deadline: ") + error.what());
    alarm(static_cast<unsigned>(stop_limit.count()));  // coarser: it ends the process without a word
  }
}

void StopDeadline::start() {
  thread_ = std::jthread([this](const std::stop_token& in_time) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, in_time, stop_limit, [] { return false; });
    if (!in_time.stop_requested()) {
      cut_off();
    }
  });
}

void StopDeadline::cut_off() const {
  std::vector<async::RunningJob> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs = jobs_ ? jobs_->running() : std::move(jobs);
  }
  const auto now = std::chrono::steady_clock::now();
  for (const async::RunningJob& job : jobs) {
    log::warning("job_abandoned", "the stop does not wait for this job any longer",
                 {{"repository", job.owner},
                  {"step", job.step},
                  {"running_ms", std::chrono::duration_cast<std::chrono::milliseconds>(now - job.since).count()}});
  }
  if (only_jobs_ && !jobs.empty()) {
    log::info("stopped", "jobs did not end in time; the volume is whole, the next start goes on from it",
              {{"abandoned_jobs", jobs.size()}});
    log::flush(last_words_limit);
    std::_Exit(exit_ok);
  }
  log::error("stop_cut_off", heard_ ? "the stop took too long; leaving now"
                                    : "the event loop does not turn, so that the stop cannot begin; leaving now");
  log::flush(last_words_limit);
  std::_Exit(exit_failed);
}

}  // namespace adapter::app
