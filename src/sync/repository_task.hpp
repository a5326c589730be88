// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/async/interrupt.hpp"
#include "adapter/async/semaphore.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/config/config.hpp"
#include "adapter/publish/publisher.hpp"
#include "adapter/store/store.hpp"
#include "adapter/sync/engine.hpp"
#include "adapter/sync/events.hpp"
#include "adapter/sync/status.hpp"
#include "broad_questions.hpp"
#include "host_turns.hpp"
#include "host_waits.hpp"
#include "link_watch.hpp"
#include "machine.hpp"
#include "recovery_plan.hpp"
#include "ref_selection.hpp"
#include "remote_group.hpp"
#include "repository_journal.hpp"
#include "repository_reporter.hpp"
#include "scoped_pointer.hpp"
#include "sync_permits.hpp"
#include "sync_pipeline.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {

class OldTrees;
class Pruner;

/// What all tasks of an engine share; outlives them.
struct Shared {
  Shared(asio::any_io_executor loop, async::Workers& pool, Pruner& deletion, OldTrees& trees,
         publish::Doubts& failed_syncs, const config::Concurrency& concurrency, Observer* told)
      : executor(loop),
        workers(pool),
        pruner(deletion),
        old_trees(trees),
        doubts(failed_syncs),
        syncs(loop, concurrency.syncs),
        recoveries(loop, concurrency.syncs),
        housekeeping(loop, concurrency.syncs),
        broad_questions(loop),
        transfers(loop, transfer_limits(concurrency)),
        connections(std::move(loop), concurrency.connections_per_host),
        file_failure(executor),
        random(std::random_device()()),
        observer(told) {}

  /// At a reload.
  void configure(const config::Config& config) {
    const config::Concurrency& concurrency = config.concurrency;
    host_waits.configure(config, std::chrono::steady_clock::now());
    syncs.resize(concurrency.syncs);
    recoveries.resize(concurrency.syncs);
    housekeeping.resize(concurrency.syncs);
    transfers.set_limits(transfer_limits(concurrency));
    connections.set_per_host(concurrency.connections_per_host);
  }

  asio::any_io_executor executor;
  async::Workers& workers;
  Pruner& pruner;
  OldTrees& old_trees;
  publish::Doubts& doubts;
  // Each bounds one kind of work; none is held while a transfer waits for its peer.
  SyncPermits syncs;               ///< work on complete packs: verify, write the tree, move the link
  async::Semaphore recoveries;     ///< looks at what the last run left
  async::Semaphore housekeeping;   ///< merging of packs
  BroadQuestions broad_questions;  ///< lists of all refs of a remote
  TransferQueue transfers;
  HostTurns connections;  ///< as many as the HTTP client has, so that no request waits inside of it
  HostWaits host_waits;
  async::Wakeup file_failure;  ///< one begins to wait, see RepositoryTask::waits_for_files()
  std::mt19937_64 random;
  Observer* observer;  ///< may be null

private:
  static TransferSlots::Limits transfer_limits(const config::Concurrency& concurrency) {
    return TransferSlots::Limits::of(concurrency.transfers, concurrency.connections_per_host);
  }
};

/// What a task knows of the one before it that had its name, in an earlier configuration.
struct Predecessor {
  RepositoryStatus status;
  bool same_source = false;  ///< it followed the same ref of the same remote
  bool same_link = false;    ///< and showed it at the same place
  bool asked = false;        ///< somebody asked for a check that it did not get to the end of
  SteadyTimes steady_times;
  Machine::Wait wait;  ///< as far as it is for the present one too
};

/// One repository from its remote to its folder: the coroutine around a Machine. Loop thread only; owned by the engine,
/// which cancels and joins the coroutines that run in it before it is destroyed.
class RepositoryTask final : private SyncPipeline::Listener {
public:
  /// Numbers of attempts go on where those of `before` ended; what was known of the same source stays known.
  RepositoryTask(Shared& shared, std::shared_ptr<RemoteGroup> group, config::Repository repository,
                 const std::filesystem::path& data_dir, const Predecessor& before = {});
  ~RepositoryTask();
  RepositoryTask(const RepositoryTask&) = delete;
  RepositoryTask& operator=(const RepositoryTask&) = delete;

  /// Recovers, then checks and syncs on schedule until cancelled. Failures are logged and retried; none comes out.
  asio::awaitable<void> watch(bool spread);

  /// Recovers, then tries until it is in sync or `deadline` has passed. `result`, which outlives the coroutine, gets
  /// the last error, or none. An empty remote is in sync, unless `awaits_first_commit` and nothing is published: then
  /// it is asked again, and a timeout at `deadline`.
  asio::awaitable<void> sync_once(std::chrono::steady_clock::time_point deadline, bool awaits_first_commit,
                                  OnceResult& result);

  /// Asks for an attempt now. The number of the first one that begins after this call; 0 when there will be none.
  std::uint64_t poke();
  void announce(const Announcement& push);
  /// The configuration was read again: the next check begins at the configured URL, wherever a redirect led before.
  /// Another credential ends a wait for the host.
  void note_reload() noexcept {
    group_->remote().forget_redirect();
    wakeup_.wake();
  }
  /// The link was seen to show what it should, or not. One that is lost is made again as soon as possible.
  void note_link(const WatchedLink& seen);
  /// See WatchedLink::commits.
  [[nodiscard]] std::vector<ObjectId> shown_commits() const;
  [[nodiscard]] bool shows_a_commit() const noexcept { return reporter_.status().commit.has_value(); }
  [[nodiscard]] bool link_resolves() const noexcept { return reporter_.status().link_resolves; }

  [[nodiscard]] const config::Repository& repository() const noexcept { return repository_; }
  [[nodiscard]] RepositoryStatus status() const;
  [[nodiscard]] SyncProgress progress() const { return pipeline_.progress(); }
  /// For the task that takes this one's place, as `next` says.
  [[nodiscard]] Predecessor predecessor(const config::Repository& next) const;
  [[nodiscard]] bool changed() const noexcept { return reporter_.changed(); }
  [[nodiscard]] bool fails() const noexcept { return machine_.failure().has_value(); }
  /// It failed because of a secret, a certificate or another file on this machine, or may have, and waits.
  [[nodiscard]] bool waits_for_files() const noexcept;
  /// When the last attempt began, in the terms of the wall's clock.
  [[nodiscard]] schedule::TimePoint last_attempt() const;

private:
  void on_phase(Phase phase) override;
  void on_pack_received(std::uint64_t bytes) override { reporter_.pack_received(bytes); }

  asio::awaitable<std::optional<Error>> sync_until(std::chrono::steady_clock::time_point deadline,
                                                   bool awaits_first_commit);
  asio::awaitable<std::optional<Error>> recover_until(std::chrono::steady_clock::time_point deadline);
  asio::awaitable<std::optional<Error>> wait_for_host(std::chrono::steady_clock::time_point deadline);
  void hold_with_host(Now now);
  asio::awaitable<std::optional<Error>> attempt();
  asio::awaitable<std::optional<Error>> guarded(asio::awaitable<void> step);
  asio::awaitable<void> recover();
  asio::awaitable<void> recover_tree();
  asio::awaitable<void> look_at_volume();
  asio::awaitable<bool> take_notes();
  [[nodiscard]] RecoveryFacts recovery_facts(publish::Standing found) const;
  asio::awaitable<void> find_borrowed_links();
  asio::awaitable<std::optional<Source>> source_shown_elsewhere();
  /// `is_new_link`: the configuration names another link than before.
  asio::awaitable<bool> take(RecoveryStep step, bool is_new_link);
  asio::awaitable<bool> rebuild(ObjectId commit);
  asio::awaitable<bool> write_from_packs(ObjectId commit);
  [[nodiscard]] bool is_as_configured(const RecoveryStep& step, const publish::Standing& found,
                                      const std::optional<SavedState::Pending>& begun) const;
  void adopt(const RecoveryStep& step, const publish::Standing& found, const std::optional<SavedState::Pending>& begun);
  asio::awaitable<void> follow(bool spread);
  asio::awaitable<void> heal();
  asio::awaitable<void> heal_apart();
  asio::awaitable<void> keep_link();
  asio::awaitable<void> relink_beside(ObjectId commit);
  /// Runs a part of an attempt that leaves the publisher to keep_link(), until the published tree is found to be lost.
  template <class T>
  asio::awaitable<T> while_tree_stands(asio::awaitable<T> work);
  /// Both do nothing where that is so already.
  asio::awaitable<void> take_publisher();
  void free_publisher() noexcept { publisher_permit_.release(); }
  asio::awaitable<void> check();
  asio::awaitable<void> fail_missing(RefSelection::Choice choice);
  asio::awaitable<RefSelection::Choice> look();
  asio::awaitable<std::vector<std::string>> near_refs(RefSelection::Choice choice);
  asio::awaitable<void> confirm_unchanged(RefSelection::Choice choice);
  asio::awaitable<void> sync(RefSelection::Choice choice);
  asio::awaitable<void> transfer(RefSelection::Choice choice);
  asio::awaitable<void> save();
  asio::awaitable<void> abandon_publish();
  asio::awaitable<void> remove_former_links();
  asio::awaitable<void> revisit_former_links();
  asio::awaitable<bool> link_is_intact(ObjectId commit);
  asio::awaitable<void> tidy();

  /// `refused`: the tip that the failure is about.
  void fail(const Error& cause, bool on_schedule, const std::optional<ObjectId>& refused = std::nullopt);
  void succeed(std::optional<Published> published);
  void tell_recovered(const Failure& before, std::string_view message);
  void tell_damage(const RecoveryStep& step, const publish::Standing& found) const;
  void tell_link_lost(ObjectId commit) const;
  [[nodiscard]] publish::PublishOptions publish_options() const;
  [[nodiscard]] std::string source_line() const;
  [[nodiscard]] std::optional<ObjectId> published_commit() const;

  Shared& shared_;
  async::Workers workers_;  ///< the shared threads, under this repository's name
  std::shared_ptr<RemoteGroup> group_;
  config::Repository repository_;
  std::filesystem::path data_dir_;
  std::filesystem::path directory_;  ///< data_dir/.adapter/<name>
  Source source_;                    ///< configured
  std::string fingerprint_;
  RefSelection selection_;
  Machine machine_;
  RepositoryReporter reporter_;
  WaitWithHost wait_with_host_;
  async::Wakeup wakeup_;
  bool demanded_ = false;  ///< by poke(), since the last recovery began
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<publish::Publisher> publisher_;
  SyncPipeline pipeline_;
  /// Of follow() and sync_once(), but while they wait for the remote or for others: keep_link() uses the publisher
  /// then.
  async::Semaphore publisher_turn_;
  async::Semaphore::Permit publisher_permit_;
  async::Wakeup link_lost_;
  async::Wakeup* tree_lost_ = nullptr;  ///< ends what the attempt waits for
  RepositoryJournal journal_;
  bool recovery_due_ = true;             ///< nothing is known of the volume: before a check it is looked at
  std::uint64_t former_links_seen_ = 0;  ///< the configuration under which their removal was tried last
  bool reopen_store_ = false;            ///< a sync failed on the volume: its folders may be gone
  /// After this nothing is tried again: sync_once() has a deadline, watch() has none.
  std::optional<std::chrono::steady_clock::time_point> last_retry_;
  std::optional<std::chrono::milliseconds> max_staleness_;
  bool remembers_success_ = false;  ///< a check that found nothing new is noted on disk
  bool warned_ambiguous_ = false;
  /// Names of refs like the one that is missing, for the error's text; nullopt: not asked for yet.
  std::optional<std::vector<std::string>> near_refs_;
  bool empty_reported_ = false;
};

template <class T>
asio::awaitable<T> RepositoryTask::while_tree_stands(asio::awaitable<T> work) {
  async::Wakeup interrupt(shared_.executor);
  const ScopedPointer shown(tree_lost_, interrupt);
  Error reason(ErrorClass::storage, "the published tree is lost; it is made again before the remote is asked");
  T result = co_await async::with_interrupt(std::move(work), interrupt, std::move(reason));
  co_return std::move(result);
}

/// What escaped from a sync, as the one error type.
[[nodiscard]] Error as_error(const std::exception_ptr& failure);

}  // namespace adapter::sync
