// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/sync/events.hpp"
#include "adapter/sync/status.hpp"

namespace adapter::sync {

/// What happened to one repository in sync_once().
struct OnceResult {
  std::string name;
  std::optional<Error> error;      ///< nothing: in sync, or left out
  std::optional<ObjectId> commit;  ///< published; nothing for an empty remote
  bool changed = false;
  bool left_out = false;  ///< it is suspended and was not named
};

/// A forge's word that somebody pushed.
struct Announcement {
  std::string ref;                 ///< full name, or empty when it did not say
  std::optional<ObjectId> commit;  ///< what that ref points at now
};

/// A repository that left the configuration and has files in the volume.
struct PruneCandidate {
  std::string name;
  std::string directory;           ///< absolute
  std::vector<std::string> links;  ///< relative to data_dir; those that still lead into its trees go too
  /// Until `prune` deletes it; nullopt: it is not set, or no repository is configured.
  std::optional<std::chrono::milliseconds> due_in;
  std::string needed_by;  ///< a link of a configured repository that still leads into its trees: it is not deleted
  bool held = false;      ///< no repository is configured: nothing is deleted until there is one again
};

struct PruneResult {
  std::string name;
  std::optional<Error> error;  ///< nullopt: it is gone
};

/// Watches all repositories of a configuration and keeps their folders in step. Loop thread only.
///
/// The owner holds the data directory's lock for as long as the engine lives. Each repository is a task of its own:
/// what fails there is logged, counted and retried there. stop() before destruction.
class Engine {
public:
  virtual ~Engine() = default;

  /// Takes a configuration, the first one or a reload's: starts tasks of new repositories, ends those of removed ones
  /// (what they left is removed after the delay of `prune`, when that is set), restarts those whose settings changed,
  /// leaves the rest undisturbed.
  /// Waits for none of them: a changed repository starts when its own former task has ended, a removed one ends in the
  /// background. From then on status(), check_now() and announce() mean the new configuration's repositories.
  virtual asio::awaitable<void> apply(std::shared_ptr<const config::Config> config) = 0;

  /// Syncs the named repositories (all when empty) once, without watching; failed ones are tried again until
  /// `retry_for` has passed. An empty remote is in sync where `retry_for` is zero; else its first commit is waited for,
  /// and a timeout error when none came. A suspended repository is a config error in its result when it is named. An
  /// unknown name is a config error that is thrown. Instead of apply(), not beside it.
  virtual asio::awaitable<std::vector<OnceResult>> sync_once(std::shared_ptr<const config::Config> config,
                                                             std::vector<std::string> names,
                                                             std::chrono::milliseconds retry_for) = 0;

  /// Asks for a check now. The number of the attempt that will answer (see Event::attempt); nothing when there is no
  /// such repository or it is suspended. Coalesced: asked for during a sync, it follows it, once.
  virtual std::optional<std::uint64_t> check_now(std::string_view name) = 0;
  virtual void check_all_now() = 0;
  /// Like check_now(), at most one a second for each repository; the check is made again for some seconds while the
  /// announced commit is not to be seen. False when there is no such repository.
  virtual bool announce(std::string_view name, const Announcement& push) = 0;

  /// What left the configuration and lies in the volume still. `done` is called on the loop, unless stop() comes first.
  virtual void list_prunable(std::function<void(std::vector<PruneCandidate>)> done) = 0;
  /// Deletes the named ones now, whatever the delay; one that is configured, needed or unknown is an error in its
  /// result. `done` as above.
  virtual void prune_now(std::vector<std::string> names, std::function<void(std::vector<PruneResult>)> done) = 0;
  /// Takes a configuration for these two alone and watches nothing: instead of apply().
  virtual void use_for_pruning(std::shared_ptr<const config::Config> config) = 0;

  [[nodiscard]] virtual std::vector<RepositoryStatus> status() const = 0;
  [[nodiscard]] virtual std::optional<SyncProgress> progress(std::string_view name) const = 0;
  /// Connections and requests of each host.
  [[nodiscard]] virtual net::HttpClient::Stats network() const = 0;

  /// Cancels everything and waits for it; the volume is left as a crash would leave it at worst, that is: complete.
  virtual asio::awaitable<void> stop() = 0;
};

/// Workers and observer (may be null) outlive the engine. `version` is for the user agent.
[[nodiscard]] std::unique_ptr<Engine> make_engine(const asio::any_io_executor& executor, async::Workers& workers,
                                                  config::Environment environment, const std::string& version,
                                                  Observer* observer = nullptr);

}  // namespace adapter::sync
