// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/async/job_list.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "adapter/sync/engine.hpp"
#include "adapter/sync/events.hpp"

/// The admin port: health, metrics, API, events, webhooks and the status page.
namespace adapter::admin {

/// What became of a reload.
struct ReloadOutcome {
  bool applied = false;
  std::size_t added = 0;
  std::size_t removed = 0;
  std::size_t changed = 0;
  std::vector<config::Finding> findings;
};

/// The last attempt to load the configuration, the one at the start included.
struct ReloadStatus {
  bool successful = true;
  std::chrono::system_clock::time_point time;          ///< of the attempt
  std::chrono::system_clock::time_point success_time;  ///< when the configuration in use was applied
  std::size_t errors = 0;                              ///< of the attempt, warnings not counted
  std::string problem;  ///< the first error, "config.yaml:3:5: unknown key"; empty when it was successful
};

/// What the port asks of the process it is in. All of it is called on the loop thread.
class Daemon {
public:
  virtual ~Daemon() = default;
  /// Null before there is a configuration.
  [[nodiscard]] virtual sync::Engine* engine() noexcept = 0;
  /// Reads the configuration again; `done` is called on the loop thread, sooner or later.
  virtual void reload(std::function<void(ReloadOutcome)> done) = 0;
  /// nullopt before there is a configuration.
  [[nodiscard]] virtual std::optional<ReloadStatus> last_reload() const = 0;
};

/// How the process has confined itself, for the status.
struct Sandbox {
  bool active = false;
  int landlock_abi = 0;  ///< what the kernel has; 0: nothing
  std::string reason;    ///< why it is not active; empty when it is
};

struct Options {
  std::string version;  ///< of the program
  Sandbox sandbox{};
  /// Where requests are listed while they are answered.
  std::shared_ptr<async::JobList> jobs = std::make_shared<async::JobList>();
};

/// An HTTP server with threads of its own, which see immutable snapshots of the engine and post what they want to the
/// loop. Made, told and stopped on the loop thread.
class Server {
public:
  virtual ~Server() = default;
  /// To be handed to the engine; lives as long as the server.
  [[nodiscard]] virtual sync::Observer& observer() noexcept = 0;
  /// Which token, hosts and webhooks count from now on. Reads no file.
  virtual void apply(std::shared_ptr<const config::Config> config) = 0;
  /// Names each secret of a webhook in the log that cannot be read, and returns why the token's file cannot be, class
  /// auth: what needs one of them is refused until it can. Blocks on the files; any thread, while the server lives.
  [[nodiscard]] virtual std::optional<Error> check_secrets() = 0;
  /// "127.0.0.1:8080", with the port that was given where 0 was asked for.
  [[nodiscard]] virtual const std::string& address() const noexcept = 0;
  /// Ends every connection; takes well under a second. Commands that were posted before still run.
  virtual void stop() = 0;
  /// Stops, and waits for requests whose answers are being made: one that looks at a secret's file takes as long as
  /// that does. Options::jobs lists them. The destructor does the same.
  virtual void join() = 0;
};

/// Binds and serves. `listen` as in config::Admin; `config` may be null: there is none yet. `daemon` outlives the
/// loop's last handler. Errors: storage (it cannot be bound), auth (see check_secrets()).
[[nodiscard]] std::unique_ptr<Server> make_server(const asio::any_io_executor& loop, Daemon& daemon,
                                                  const std::string& listen,
                                                  const std::shared_ptr<const config::Config>& config, Options options);

/// Name and version of the HTTP library.
[[nodiscard]] std::string library_version();

}  // namespace adapter::admin
