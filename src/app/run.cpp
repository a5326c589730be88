// SPDX-License-Identifier: Apache-2.0
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>

#include <csignal>
#include <functional>
#include <memory>
#include <utility>

#include "adapter/admin/server.hpp"
#include "adapter/async/semaphore.hpp"
#include "adapter/async/task_scope.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/http/authority.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"
#include "adapter/publish/publisher.hpp"
#include "adapter/store/store.hpp"
#include "adapter/sync/engine.hpp"
#include "commands.hpp"
#include "config_watch.hpp"
#include "load.hpp"
#include "process/process.hpp"
#include "process/sandbox.hpp"
#include "process/service_manager.hpp"
#include "reload.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// How often the place of the configuration is looked at while there is none.
constexpr std::chrono::milliseconds configuration_poll{500};

/// For `systemctl status`.
std::string watching(const config::Config& config) {
  const std::size_t count = config.repositories.size();
  return "watching " + std::to_string(count) + (count == 1 ? " repository" : " repositories");
}

/// The daemon from its first configuration to its clean stop. Lives on the main thread, which runs the loop.
class Daemon final : private admin::Daemon {
public:
  explicit Daemon(const Options& options)
      : options_(options),
        loop_(1),
        scope_(loop_.get_executor()),
        signals_(loop_.get_executor(), SIGTERM, SIGINT, SIGHUP),
        wakeup_(loop_.get_executor()),
        service_manager_(config::process_environment()) {
    signals_.add(SIGUSR1);
    release_signals();
  }

  int run();

private:
  sync::Engine* engine() noexcept override { return engine_.get(); }
  void reload(std::function<void(admin::ReloadOutcome)> done) override;

  void open_admin_port(const std::string& listen);
  void open_default_admin_port();
  void serve_admin();
  asio::awaitable<void> note_signals();
  asio::awaitable<void> serve();
  asio::awaitable<void> wait_for_configuration();
  bool take_configuration_that_appeared();
  asio::awaitable<void> start();
  asio::awaitable<void> answer_requests();
  asio::awaitable<admin::ReloadOutcome> reload();
  asio::awaitable<void> apply(Reload reload);
  asio::awaitable<void> stop();

  const Options& options_;
  asio::io_context loop_;
  async::TaskScope scope_;
  asio::signal_set signals_;
  async::Wakeup wakeup_;  ///< a signal was noted
  ServiceManager service_manager_;
  bool stop_asked_ = false;
  StopDeadline stop_deadline_;
  bool reload_asked_ = false;
  std::vector<std::function<void(admin::ReloadOutcome)>> told_of_reload_;
  bool sync_asked_ = false;
  config::Choice choice_;
  std::vector<config::Finding> reported_;
  ConfigWatch watch_;
  SandboxState sandbox_;
  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<publish::DataDirectoryLock> lock_;
  std::unique_ptr<async::Workers> workers_;
  std::unique_ptr<admin::Server> admin_;  // before the engine, which tells it of events
  std::unique_ptr<sync::Engine> engine_;
  int exit_code_ = exit_ok;
};

int Daemon::run() {
  const Result<config::Choice> choice = config::choose(options_.config_file, config::process_environment());
  if (!choice) {
    log::error("configuration_bad", choice.error().text());
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
  scope_.spawn("signals", note_signals());
  scope_.spawn("watchdog", service_manager_.feed_watchdog());
  scope_.spawn("daemon", serve());
  loop_.run();
  return exit_code_;
}

/// Signals only leave a note: what they ask for is done in turn by serve(), never in the middle of something else.
asio::awaitable<void> Daemon::note_signals() {
  while (true) {
    const int signal = co_await signals_.async_wait(asio::use_awaitable);
    if (signal == SIGHUP) {
      reload_asked_ = true;
    } else if (signal == SIGUSR1) {
      sync_asked_ = true;
    } else {
      stop_asked_ = true;
      stop_deadline_.arm();
    }
    wakeup_.wake();
  }
}

asio::awaitable<void> Daemon::serve() {
  if (!config_) {
    open_default_admin_port();
    service_manager_.ready("waiting for a configuration");
    co_await wait_for_configuration();
  }
  int failed = exit_ok;
  try {
    if (config_ && !stop_asked_) {
      co_await start();
    }
  } catch (const publish::DirectoryBusy& busy) {
    log::error("data_directory_busy", busy.text());
    failed = exit_busy;
  } catch (const Error& error) {
    log::error("start_failed", error.text(), {{"class", error.error_class()}});
    failed = exit_failed;
  }
  exit_code_ = failed;
  if (failed == exit_ok) {
    co_await answer_requests();
    co_await stop();
  } else if (admin_) {
    admin_->stop();  // else its beat would keep the loop turning for ever
  }
  scope_.cancel();
}

asio::awaitable<void> Daemon::wait_for_configuration() {
  log::warning("waiting_for_configuration",
               "there is no configuration yet: put a file at " + choice_.file.native() +
                   ", name one with --config or ADAPTER_CONFIG, or set ADAPTER_URL; work starts when the file appears",
               {{"file", choice_.file.native()}});
  while (!stop_asked_) {
    if (take_configuration_that_appeared()) {
      break;
    }
    const auto again = std::chrono::steady_clock::now() + configuration_poll;
    co_await wakeup_.wait_until(again);
  }
}

void Daemon::open_admin_port(const std::string& listen) {
  admin::Options options;
  options.version = version;
  options.sandbox.active = sandbox_.active;
  options.sandbox.landlock_abi = sandbox_.landlock_abi;
  options.sandbox.reason = sandbox_.reason;
  admin_ = admin::make_server(loop_.get_executor(), *this, listen, config_, std::move(options));
  log::info("admin_listening", "the admin port is open", {{"address", admin_->address()}});
}

/// As the configuration says. A port that stands in the file must open; the default of an image only warns.
void Daemon::serve_admin() {
  const config::Admin& settings = config_->admin;
  if (settings.listen.empty()) {
    return;
  }
  try {
    open_admin_port(settings.listen);
  } catch (const Error& error) {
    if (settings.listen_is_configured || error.error_class() != ErrorClass::storage) {
      throw;
    }
    log::warning("admin_unavailable", error.text(), {{"listen", settings.listen}});
  }
}

/// Without a configuration there is no token: only where nobody from outside can come.
void Daemon::open_default_admin_port() {
  const std::string listen = config::process_environment()("ADAPTER_ADMIN_LISTEN").value_or("");
  if (listen.empty()) {
    return;
  }
  if (!http::is_loopback_name(http::host_in(listen))) {
    log::info("admin_waiting", "the admin port opens with a configuration that has a token for it",
              {{"listen", listen}});
    return;
  }
  try {
    open_admin_port(listen);
  } catch (const Error& error) {
    log::warning("admin_unavailable", error.text(), {{"listen", listen}});
  }
}

bool Daemon::take_configuration_that_appeared() {
  std::error_code ignored;
  if (!std::filesystem::exists(choice_.file, ignored)) {
    return false;
  }
  config::Choice choice;
  choice.source = config::Source::file;
  choice.file = choice_.file;
  config::Loaded loaded = load_choice(choice);
  if (reported_ != loaded.findings) {
    log_findings(loaded.findings);  // once, not with every look
    reported_ = loaded.findings;
  }
  if (!loaded.config) {
    return false;
  }
  config_ = std::make_shared<const config::Config>(std::move(*loaded.config));
  choice_ = choice;
  watch_.loaded(std::move(loaded.sources));
  return true;
}

asio::awaitable<void> Daemon::start() {
  configure_logging(options_, config_.get());
  if (admin_) {
    // It opens again at once: the sandbox holds for threads that are started in it, and not for these.
    admin_->stop();
    admin_.reset();
  }
  store::initialize_library(largest_limits(*config_));
  lock_ = std::make_unique<publish::DataDirectoryLock>(config_->data_dir);
  sandbox_ = enter_sandbox(*config_, watch_.sources(), config::process_environment());
  workers_ = std::make_unique<async::Workers>(worker_threads(*config_));
  serve_admin();
  engine_ = sync::make_engine(loop_.get_executor(), *workers_, config::process_environment(), version,
                              admin_ ? &admin_->observer() : nullptr);
  log::info("started", "watching",
            {{"version", version},
             {"repositories", config_->repositories.size()},
             {"data_dir", config_->data_dir.native()},
             {"workers", workers_->threads()}});
  co_await engine_->apply(config_);
  service_manager_.ready(watching(*config_));
}

/// Until a stop is asked for.
asio::awaitable<void> Daemon::answer_requests() {
  const bool watched = watch_.has_files();
  while (!stop_asked_) {
    auto next_look = std::chrono::steady_clock::time_point::max();
    if (watched) {
      next_look = std::chrono::steady_clock::now() + ConfigWatch::interval;
    }
    const bool woken = co_await wakeup_.wait_until(next_look);
    if (!woken && watch_.look()) {
      log::info("configuration_changed", "the configuration's files are not what they were; loading them again");
      reload_asked_ = true;
    }
    if (std::exchange(reload_asked_, false) && engine_) {
      auto told = std::exchange(told_of_reload_, {});
      const admin::ReloadOutcome outcome = co_await reload();
      for (const auto& tell : told) {
        tell(outcome);
      }
    }
    if (std::exchange(sync_asked_, false) && engine_) {
      log::info("sync_requested", "every repository is looked at now");
      engine_->check_all_now();
    }
  }
}

void Daemon::reload(std::function<void(admin::ReloadOutcome)> done) {
  if (!engine_) {
    config::Finding finding;
    finding.file = choice_.file.native();
    finding.rule = "missing-file";
    finding.message = "there is no configuration yet; work starts when the file appears";
    admin::ReloadOutcome outcome;
    outcome.findings.push_back(std::move(finding));
    done(std::move(outcome));
    return;
  }
  told_of_reload_.push_back(std::move(done));
  reload_asked_ = true;
  wakeup_.wake();
}

asio::awaitable<admin::ReloadOutcome> Daemon::reload() {
  service_manager_.reloading();
  const config::Loaded loaded = load_choice(choice_);
  watch_.loaded(loaded.sources);
  log_findings(loaded.findings);
  warn_of_files_out_of_reach(sandbox_, loaded.config ? *loaded.config : *config_, loaded.sources);
  admin::ReloadOutcome outcome;
  outcome.findings = loaded.findings;
  if (!loaded.config) {
    service_manager_.ready(watching(*config_) + "; the changed configuration is bad");
    log::error("reload_failed", "the configuration is bad; the one in use stays",
               {{"findings", loaded.findings.size()}});
    co_return outcome;
  }
  Reload reload = plan_reload(*config_, *loaded.config);
  outcome.applied = true;
  outcome.added = reload.added;
  outcome.removed = reload.removed;
  outcome.changed = reload.changed;
  co_await apply(std::move(reload));
  service_manager_.ready(watching(*config_));
  co_return outcome;
}

asio::awaitable<void> Daemon::apply(Reload reload) {
  for (const std::string& key : reload.needs_restart) {
    log::warning("restart_needed", "this key cannot change while running; restart to apply it", {{"key", key}});
  }
  // libgit2 learns its caps once, before the first thread uses it.
  const Limits caps = largest_limits(*config_);
  const Limits wanted = largest_limits(reload.config);
  if (wanted.max_objects > caps.max_objects || wanted.max_object_bytes > caps.max_object_bytes) {
    log::warning("restart_needed", "a limit was raised above all that were in force before; restart to apply it",
                 {{"key", "limits"}});
  }
  config_ = std::make_shared<const config::Config>(std::move(reload.config));
  configure_logging(options_, config_.get());
  if (admin_) {
    try {
      admin_->apply(config_);
    } catch (const Error& error) {
      log::error("token_unreadable", error.text(), {{"class", error.error_class()}});
    }
  }
  co_await engine_->apply(config_);
  log::info("reloaded", "the configuration was applied",
            {{"repositories", config_->repositories.size()},
             {"added", reload.added},
             {"removed", reload.removed},
             {"changed", reload.changed}});
}

asio::awaitable<void> Daemon::stop() {
  service_manager_.stopping();
  log::info("stopping", "a stop was asked for");
  if (admin_) {
    admin_->stop();  // first: nobody asks for anything any more
  }
  if (engine_) {
    co_await engine_->stop();
  }
  log::info("stopped", "a clean stop");
}

}  // namespace

int run_command(const Options& options) {
  configure_logging(options, nullptr);
  Daemon daemon(options);
  return daemon.run();
}

}  // namespace adapter::app
