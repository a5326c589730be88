// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include <asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "adapter/log/output.hpp"
#include "adapter/publish/data_directory_lock.hpp"
#include "adapter/store/store.hpp"
#include "adapter/sync/engine.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "process/event_loop_mark.hpp"
#include "process/process.hpp"
#include "process/sandbox.hpp"
#include "process/signal_thread.hpp"
#include "progress_view.hpp"
#include "reload.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// What the coroutines below share; the loop ends when `work` does.
struct Once {
  Once(asio::io_context& loop, StopDeadline& deadline)
      : side(loop.get_executor()), main(loop.get_executor()), stop_deadline(deadline) {}

  async::TaskScope side;  ///< signals, progress
  async::TaskScope main;
  std::unique_ptr<sync::Engine> engine;
  std::vector<sync::OnceResult> results;
  std::optional<Error> refused;
  bool interrupted = false;
  std::atomic<bool> stop_asked = false;  ///< set by the thread of signals
  StopDeadline& stop_deadline;
};

asio::awaitable<void> work(Once& once, std::shared_ptr<const config::Config> config, const Options& options) {
  try {
    once.results = co_await once.engine->sync_once(config, options.names, options.retry);
  } catch (const Error& error) {
    once.refused = error;
  } catch (const std::exception& error) {
    once.refused.emplace(ErrorClass::limit, std::string("unexpected error: ") + error.what());
  }
  once.side.cancel();
  co_await once.side.join();
  co_await once.engine->stop();
}

asio::awaitable<void> stop(Once& once) {
  co_await once.engine->stop();
}

/// SIGHUP and SIGUSR1 ask for what happens anyway.
bool asks_for_a_stop(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

std::string to_line(const sync::OnceResult& result) {
  if (result.error) {
    return result.name + ": failed (" + std::string(to_string(result.error->error_class())) +
           "): " + result.error->text();
  }
  if (result.left_out) {
    return result.name + ": left out, suspended by the configuration";
  }
  if (!result.commit) {
    return result.name + ": the remote has no commit yet";
  }
  return result.name + ": " + result.commit->to_hex() + (result.changed ? " published" : " unchanged");
}

/// Null when a signal ends the program while the volume does not answer.
std::unique_ptr<publish::DataDirectoryLock> take_lock(const Once& once, const std::filesystem::path& data_dir) {
  constexpr std::chrono::milliseconds patience{100};
  publish::LockAttempt attempt(data_dir);
  while (!attempt.wait_for(patience)) {
    if (once.stop_asked) {
      return nullptr;
    }
  }
  return attempt.take();
}

/// A stop has its deadline from the moment of the signal, also while a file that the start reads hangs.
std::unique_ptr<SignalThread> listen_for_signals(const asio::any_io_executor& loop, Once& once) {
  const auto at_once = [&once](int signal) {
    if (asks_for_a_stop(signal)) {
      once.stop_asked = true;
      once.stop_deadline.arm();
    }
  };
  const auto on_loop = [&once](int signal) {
    if (asks_for_a_stop(signal) && !std::exchange(once.interrupted, true)) {
      once.stop_deadline.heard_by_loop();
      once.side.spawn("stop", stop(once));
    }
  };
  return std::make_unique<SignalThread>(loop, at_once, on_loop);
}

int report(const Once& once) {
  if (once.refused) {
    log::print("adapter: " + once.refused->text() + "\n");
    return once.refused->error_class() == ErrorClass::config ? exit_usage : exit_failed;
  }
  bool failed = once.interrupted;
  for (const sync::OnceResult& result : once.results) {
    std::printf("%s\n", to_line(result).c_str());
    failed = failed || result.error.has_value();
  }
  return failed ? exit_failed : exit_ok;
}

}  // namespace

int once_command(const Options& options) {
  configure_logging(options, nullptr);
  asio::io_context loop(1);
  std::unique_ptr<publish::DataDirectoryLock> lock;  // before the workers, which write what it protects
  StopDeadline stop_deadline;                        // and whose end it cuts off
  std::optional<async::Workers> workers;
  Once once(loop, stop_deadline);
  try {
    std::unique_ptr<SignalThread> signals = listen_for_signals(loop.get_executor(), once);
    const config::Loaded loaded = load_configuration(options);
    if (loaded.config) {
      configure_logging(options, &*loaded.config);
    }
    log_findings(loaded.findings);
    if (!loaded.config) {
      return exit_usage;
    }
    const auto config = std::make_shared<const config::Config>(*loaded.config);
    store::initialize_library(largest_limits(*config));
    lock = take_lock(once, config->data_dir);
    if (!lock) {
      return exit_failed;
    }
    static_cast<void>(enter_sandbox(*config, loaded.sources, config::process_environment()));
    {
      // The sandbox holds for threads that are started in it.
      const std::unique_ptr<SignalThread> unconfined = std::move(signals);
      signals = listen_for_signals(loop.get_executor(), once);
    }
    log::start_thread();
    workers.emplace(worker_threads(*config));
    stop_deadline.watch(workers->jobs());
    once.engine = sync::make_engine(loop.get_executor(), *workers, config::process_environment(), version);
    if (isatty(STDERR_FILENO) == 1) {
      once.side.spawn("progress", show_progress(*once.engine));
    }
    once.main.spawn("once", work(once, config, options));
    {
      const EventLoopMark mark;
      loop.run();
    }
    signals.reset();
    release_signals();                    // results may wait for their reader: a signal ends that
    log::flush(std::chrono::seconds(1));  // the results come after the progress, on the same terminal
    return report(once);
  } catch (const publish::DirectoryBusy& busy) {
    log::error("data_directory_busy", busy.text());
    return exit_busy;
  } catch (const Error& error) {
    log::error("start_failed", error.text(), {{"class", error.error_class()}});
    return exit_failed;
  } catch (const std::system_error& error) {
    log::error("start_failed", std::string("no thread for signals: ") + error.what());
    return exit_failed;
  }
}

}  // namespace adapter::app
