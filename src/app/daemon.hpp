// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/admin/server.hpp"
#include "adapter/async/semaphore.hpp"
#include "adapter/async/task_scope.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/config/load.hpp"
#include "adapter/publish/data_directory_lock.hpp"
#include "adapter/sync/engine.hpp"
#include "commands.hpp"
#include "config_reader.hpp"
#include "config_watch.hpp"
#include "options.hpp"
#include "process/process.hpp"
#include "process/sandbox.hpp"
#include "process/service_manager.hpp"
#include "process/signal_thread.hpp"
#include "reload.hpp"

namespace adapter::app {

/// The daemon from its first configuration to its clean stop. Lives on the main thread, which runs the loop.
class Daemon final : private admin::Daemon {
public:
  /// `options` outlives it.
  explicit Daemon(const Options& options);
  /// Takes the signals over. To the end of the process; its exit code.
  int run();

private:
  sync::Engine* engine() noexcept override { return engine_.get(); }
  void reload(std::function<void(admin::ReloadOutcome)> done) override;
  [[nodiscard]] std::optional<admin::ReloadStatus> last_reload() const override { return last_reload_; }

  /// Hands what happens to the admin port, which may open later than the engine starts.
  class AdminRelay final : public sync::Observer {
  public:
    explicit AdminRelay(const std::unique_ptr<admin::Server>& server) : server_(server) {}
    void on_event(const sync::Event& event) noexcept override {
      if (server_) {
        server_->observer().on_event(event);
      }
    }

  private:
    const std::unique_ptr<admin::Server>& server_;
  };

  void open_admin_port(const std::string& listen);
  void open_admin_port_of_variable();
  void serve_admin();
  /// Opens the port, or logs why not and goes on trying. Throws where a port that is asked for cannot be opened.
  void open_or_try_again(const std::string& listen, bool is_required);
  asio::awaitable<void> try_admin_port_again(std::string listen);
  void listen_for_signals();
  void note_signal(int signal);
  asio::awaitable<void> serve();
  asio::awaitable<void> live();
  asio::awaitable<void> wait_for_configuration();
  asio::awaitable<bool> take_configuration_that_appeared(ConfigReader& reader);
  asio::awaitable<void> take_lock();
  asio::awaitable<void> start();
  asio::awaitable<void> answer_requests();
  void warn_of_slow_configuration();
  asio::awaitable<void> follow_configuration();
  asio::awaitable<bool> configuration_has_changed();
  asio::awaitable<admin::ReloadOutcome> reload();
  asio::awaitable<void> check_admin_secrets();
  asio::awaitable<void> stop_engine();
  void note_reload(const std::vector<config::Finding>& findings, bool successful);
  asio::awaitable<void> apply(Reload reload);
  asio::awaitable<void> watch_volume();
  /// Asks for a stop after which the process exits with this code.
  void end_with(int exit_code);
  asio::awaitable<void> stop();

  const Options& options_;
  asio::io_context loop_;
  async::TaskScope scope_;
  async::TaskScope configuration_;  ///< what calls the engine with a new configuration
  async::Wakeup wakeup_;            ///< a signal was noted
  async::Wakeup reload_wakeup_;     ///< a reload is asked for
  async::Wakeup volume_watch_;
  ServiceManager service_manager_;
  bool stop_asked_ = false;
  bool is_stopping_ = false;  ///< stop() was called
  StopDeadline stop_deadline_;
  std::unique_ptr<SignalThread> signals_;
  bool reload_asked_ = false;
  std::vector<std::function<void(admin::ReloadOutcome)>> told_of_reload_;
  std::optional<admin::ReloadStatus> last_reload_;
  bool sync_asked_ = false;
  config::Choice choice_;
  std::vector<config::Finding> reported_;
  ConfigWatch watch_;
  SystemFileWatch system_files_{system_files()};
  admin::Sandbox sandbox_;
  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<publish::DataDirectoryLock> lock_;
  std::unique_ptr<async::Workers> workers_;
  std::unique_ptr<ConfigReader> config_reader_;
  // Both before the engine, which tells them of events.
  std::unique_ptr<admin::Server> admin_;
  AdminRelay admin_relay_{admin_};
  async::Wakeup admin_retry_;
  bool tries_admin_port_ = false;  ///< try_admin_port_again() runs
  std::unique_ptr<sync::Engine> engine_;
  int exit_code_ = exit_ok;
};

/// For `systemctl status`.
[[nodiscard]] std::string watching(const config::Config& config);

}  // namespace adapter::app
