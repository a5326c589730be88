// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/config/config.hpp"
#include "adapter/publish/publisher.hpp"
#include "adapter/store/store.hpp"
#include "adapter/sync/events.hpp"
#include "adapter/sync/status.hpp"
#include "machine.hpp"
#include "ref_selection.hpp"

namespace adapter::sync {

/// When what a status shows with the wall's time happened.
struct SteadyTimes {
  std::chrono::steady_clock::time_point last_check;
  std::chrono::steady_clock::time_point last_success;
  std::chrono::steady_clock::time_point last_change;
};

/// Tells people what happens to a repository: in the log, as events, and as the status that it keeps. Decides nothing
/// and reads no clock. Loop thread.
class RepositoryReporter {
public:
  /// `observer` may be null; it and `repository` outlive the reporter.
  RepositoryReporter(const config::Repository& repository, const std::filesystem::path& data_dir, Observer* observer);

  /// Numbers of attempts go on where those of `before` ended.
  void continue_attempts(const RepositoryStatus& before);
  /// What is known of the same ref of the same remote; `same_link`: what stands there too.
  void continue_status(const RepositoryStatus& before, const SteadyTimes& times, bool same_link);

  void attempt_began(Now now);
  /// A look at what stands in the volume, which has no number of its own.
  void healing_began(Now now);
  /// A commit is fetched or published from now on; later calls in an attempt change nothing.
  void sync_began(Now now);

  /// The remote answered with `choice`. `had_commits`: something of it is published.
  void remote_answered(const RefSelection::Choice& choice, bool had_commits, Now now);
  /// The check of what `choice` says came to its result.
  void checked(const RefSelection::Choice& choice, const std::optional<Published>& published, bool changed,
               bool ends_attempt, Now now);
  void pack_received(std::uint64_t bytes) noexcept { status_.received_bytes += bytes; }
  /// What a verified commit holds that is not published as people may expect.
  void verified(const store::CommitSummary& commit);
  /// The link shows what `outcome` says.
  void tree_written(const publish::PublishResult& outcome, Now now);
  /// The sync that wrote it is over. To be followed by published(), when notes about it were tried.
  void sync_ended(Now now);
  /// `received_bytes`: of its pack.
  void published(const RefSelection::Choice& choice, const publish::PublishResult& outcome,
                 std::uint64_t received_bytes, Now now);
  /// The attempt that moved the link ended before it could say so: the volume failed in its last sync, or the process
  /// ended.
  void found_published(const Published& published, const std::optional<ObjectId>& before, Now now);

  struct Failed {
    const Error& error;
    const Failure& failure;                                ///< as it is counted
    std::optional<ObjectId> refused{};                     ///< the tip that the failure is about
    std::optional<std::chrono::milliseconds> retry_in{};   ///< nothing: it is not tried again
    std::optional<std::chrono::milliseconds> throttled{};  ///< the host asked for that much patience
  };
  void failed(const Failed& failed, Now now);
  void succeeded(Now now);
  void recovered(const Failure& before, std::string_view message, Now now);

  /// Recovery looks at the volume: nothing is known to be shown until found().
  void lost_sight() noexcept;
  /// The link shows `commit`; `other` is the tree that stands beside it.
  void found(const ObjectId& commit, const std::optional<ObjectId>& other);
  /// By a note of an earlier run.
  void remember_success(schedule::TimePoint last_success, Now now);
  void set_link_resolves(bool resolves) noexcept { status_.link_resolves = resolves; }

  /// What does not change without a call here; the rest is the task's.
  [[nodiscard]] const RepositoryStatus& status() const noexcept { return status_; }
  /// To be shown: with times in the terms of the present wall clock, and without secrets that the remote repeats.
  [[nodiscard]] RepositoryStatus status_at(Now now) const;
  [[nodiscard]] const SteadyTimes& steady_times() const noexcept { return steady_times_; }
  [[nodiscard]] std::chrono::steady_clock::time_point attempt_began_at() const noexcept { return attempt_began_; }
  /// A tree was published in this task's life.
  [[nodiscard]] bool changed() const noexcept { return changed_; }

private:
  void tell(Event event, Now now);
  [[nodiscard]] std::string ref_of(const std::string& full_name) const;

  const config::Repository& repository_;
  std::filesystem::path link_;
  Observer* observer_;
  RepositoryStatus status_;
  SteadyTimes steady_times_;  ///< of the times in status_
  std::chrono::steady_clock::time_point attempt_began_;
  std::optional<std::chrono::steady_clock::time_point> sync_began_;
  bool changed_ = false;
  bool emptied_ = false;                     ///< the remote had commits, and had none at the last check
  std::optional<ObjectId> described_;        ///< the commit whose submodules and LFS files were named in the log
  std::optional<ObjectId> links_described_;  ///< the one whose links that were left out were
};

}  // namespace adapter::sync
