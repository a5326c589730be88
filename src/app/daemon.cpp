// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <asio/use_awaitable.hpp>

#include <csignal>
#include <filesystem>
#include <utility>

#include "adapter/config/checks.hpp"
#include "adapter/log/log.hpp"
#include "adapter/log/output.hpp"
#include "adapter/store/store.hpp"
#include "load.hpp"
#include "process/event_loop_mark.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// How often the place of the configuration is looked at while there is none.
constexpr std::chrono::milliseconds configuration_poll{500};

/// How long the loop itself waits for the lock of the data directory, and how often it asks again for one that hangs.
constexpr std::chrono::milliseconds lock_patience{20};
constexpr std::chrono::milliseconds lock_poll{100};

}  // namespace

Daemon::Daemon(const Options& options)
    : options_(options),
      loop_(1),
      scope_(loop_.get_executor()),
      configuration_(loop_.get_executor()),
      wakeup_(loop_.get_executor()),
      reload_wakeup_(loop_.get_executor()),
      volume_watch_(loop_.get_executor()),
      service_manager_(loop_.get_executor(), config::process_environment()),
      admin_retry_(loop_.get_executor()) {}

int Daemon::run() {
  try {
    listen_for_signals();
  } catch (const std::exception& error) {
    log::error("start_failed", std::string("no thread for signals: ") + error.what());
    return exit_failed;
  }
  const Result<config::Choice> choice = config::choose(options_.config_file, config::process_environment());
  if (!choice) {
    log::error("configuration_bad", choice.error().text());
    log_findings(config::check_variables(config::process_variables(), {}));
    return exit_usage;
  }
  choice_ = *choice;
  if (choice_.source != config::Source::none) {
    const config::Loaded loaded = load_choice(choice_);
    log_findings(loaded.findings);
    if (!loaded.config) {
      return exit_usage;
    }
    config_ = std::make_shared<const config::Config>(*loaded.config);
    watch_.loaded(loaded.sources);
  }
  scope_.spawn("service manager", service_manager_.run());
  scope_.spawn("daemon", serve());
  loop_.run();
  // Waits for reads of files that hang, until the stop's deadline.
  config_reader_.reset();
  engine_.reset();
  workers_.reset();
  if (is_stopping_) {
    log::info("stopped", exit_code_ == exit_ok ? "a clean stop" : "everything has ended");
  }
  return exit_code_;
}

/// A stop has its deadline from the moment of the signal, whatever the loop does then.
void Daemon::listen_for_signals() {
  const auto at_once = [this](int signal) {
    if (signal == SIGTERM || signal == SIGINT) {
      stop_deadline_.arm();
    }
  };
  signals_ = std::make_unique<SignalThread>(loop_.get_executor(), at_once, [this](int signal) { note_signal(signal); });
}

/// Signals only leave a note: what they ask for is done in turn by serve(), never in the middle of something else.
void Daemon::note_signal(int signal) {
  if (signal == SIGHUP) {
    reload_asked_ = true;
    reload_wakeup_.wake();
  } else if (signal == SIGUSR1) {
    sync_asked_ = true;
  } else {
    stop_asked_ = true;
    stop_deadline_.heard_by_loop();
  }
  wakeup_.wake();
}

/// Whatever goes wrong ends the process: nothing may be left that looks alive and does nothing.
asio::awaitable<void> Daemon::serve() {
  bool failed = true;
  try {
    co_await live();
    failed = false;
  } catch (const publish::DirectoryBusy& busy) {
    log::error("data_directory_busy", busy.text());
    exit_code_ = exit_busy;
  } catch (const Error& error) {
    log::error("start_failed", error.text(), {{"class", error.error_class()}});
    exit_code_ = exit_failed;
  } catch (const std::exception& error) {
    log::error("start_failed", std::string("an error that nobody expected: ") + error.what());
    exit_code_ = exit_failed;
  }
  if (failed) {
    stop_deadline_.arm();
    stop_deadline_.heard_by_loop();
  }
  if (failed && admin_) {
    admin_->stop();  // else its beat would keep the loop turning for ever
  }
  if (failed && engine_) {
    co_await stop_engine();
  }
  scope_.cancel();
}

asio::awaitable<void> Daemon::live() {
  if (!config_) {
    open_admin_port_of_variable();
    service_manager_.ready("waiting for a configuration");
    co_await wait_for_configuration();
  }
  if (config_ && !stop_asked_) {
    co_await start();
  }
  const EventLoopMark mark;
  co_await answer_requests();
  co_await stop();
}

asio::awaitable<void> Daemon::wait_for_configuration() {
  log::warning("waiting_for_configuration",
               "there is no configuration yet: put a file at " + choice_.file.native() +
                   ", name one with --config or ADAPTER_CONFIG, or set ADAPTER_URL; work starts when the file appears",
               {{"file", choice_.file.native()}});
  log_findings(config::check_variables(config::process_variables(), {}));
  async::Workers workers(1, async::Workers::OneLane{});  // it has ended when the sandbox is entered
  ConfigReader reader(workers, [this] { warn_of_slow_configuration(); });
  while (!stop_asked_) {
    const bool taken = co_await take_configuration_that_appeared(reader);
    if (taken) {
      break;
    }
    log::flush(std::chrono::milliseconds(0));  // there is no thread yet that would do it
    const auto again = std::chrono::steady_clock::now() + configuration_poll;
    co_await wakeup_.wait_until(again);
  }
}

asio::awaitable<bool> Daemon::take_configuration_that_appeared(ConfigReader& reader) {
  config::Choice choice;
  choice.source = config::Source::file;
  choice.file = choice_.file;
  std::function<config::Loaded()> work = [choice] {
    std::error_code ignored;
    return std::filesystem::exists(choice.file, ignored) ? load_choice(choice) : config::Loaded();
  };
  config::Loaded loaded = co_await reader.load(std::move(work));
  const bool is_absent = !loaded.config && loaded.findings.empty();
  if (!is_absent && reported_ != loaded.findings) {
    log_findings(loaded.findings);  // once, not with every look
    reported_ = loaded.findings;
  }
  if (!loaded.config) {
    co_return false;
  }
  config_ = std::make_shared<const config::Config>(std::move(*loaded.config));
  choice_ = choice;
  watch_.loaded(std::move(loaded.sources));
  co_return true;
}

/// Leaves lock_ empty when a stop is asked for while the volume does not answer.
asio::awaitable<void> Daemon::take_lock() {
  publish::LockAttempt attempt(config_->data_dir);
  while (!attempt.wait_for(lock_patience)) {
    if (stop_asked_) {
      co_return;
    }
    const auto again = std::chrono::steady_clock::now() + lock_poll;
    co_await wakeup_.wait_until(again);
  }
  lock_ = attempt.take();
  wakeup_.wake();  // what was asked for meanwhile is still to be done
}

asio::awaitable<void> Daemon::start() {
  note_reload({}, true);
  configure_logging(options_, config_.get());
  if (admin_) {
    // It opens again at once: the sandbox holds for threads that are started in it, and not for these.
    admin_->stop();
    admin_.reset();
  }
  store::initialize_library(largest_limits(*config_));
  co_await take_lock();
  if (!lock_) {
    co_return;
  }
  sandbox_ = enter_sandbox(*config_, watch_.sources(), config::process_environment());
  {
    // The sandbox holds for threads that are started in it. Until then there has to be one: a file that is named may
    // hang.
    const std::unique_ptr<SignalThread> unconfined = std::move(signals_);
    listen_for_signals();
  }
  log::start_thread();
  workers_ = std::make_unique<async::Workers>(worker_threads(*config_));
  stop_deadline_.watch(workers_->jobs());
  config_reader_ = std::make_unique<ConfigReader>(*workers_, [this] { warn_of_slow_configuration(); });
  serve_admin();
  engine_ = sync::make_engine(loop_.get_executor(), *workers_, config::process_environment(), version, &admin_relay_);
  log::info("started", "watching",
            {{"version", version},
             {"repositories", config_->repositories.size()},
             {"data_dir", config_->data_dir.native()},
             {"workers", workers_->threads()}});
  co_await engine_->apply(config_);
  service_manager_.ready(watching(*config_));
  scope_.spawn_lasting("volume", [this] { return watch_volume(); });
  configuration_.spawn_lasting("configuration", [this] { return follow_configuration(); });
}

/// Until a stop is asked for.
asio::awaitable<void> Daemon::answer_requests() {
  while (!stop_asked_) {
    co_await wakeup_.wait_until(std::chrono::steady_clock::time_point::max());
    if (std::exchange(sync_asked_, false) && engine_) {
      log::info("sync_requested", "every repository is looked at now");
      engine_->check_all_now();
    }
  }
}

/// First what could call the engine again.
asio::awaitable<void> Daemon::stop_engine() {
  configuration_.cancel();
  co_await configuration_.join();
  co_await engine_->stop();
}

asio::awaitable<void> Daemon::stop() {
  is_stopping_ = true;
  service_manager_.stopping();
  log::info("stopping", exit_code_ == exit_ok ? "a stop was asked for" : "the program cannot go on");
  if (admin_) {
    admin_->stop();  // first: nobody asks for anything any more
  }
  if (engine_) {
    stop_deadline_.waits_for_jobs();
    co_await stop_engine();
  }
  if (admin_) {
    admin_->join();
  }
}

int run_command(const Options& options) {
  configure_logging(options, nullptr);
  Daemon daemon(options);
  return daemon.run();
}

}  // namespace adapter::app
