// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/schedule/schedule.hpp"
#include "adapter/sync/status.hpp"
#include "ref_selection.hpp"
#include "refusals.hpp"

namespace adapter::sync {

/// One instant on both clocks: the wall's for cron slots and reports, the steady one for waits.
struct Now {
  schedule::TimePoint wall;
  std::chrono::steady_clock::time_point steady;

  /// Both clocks, read together.
  [[nodiscard]] static Now read() { return {std::chrono::system_clock::now(), std::chrono::steady_clock::now()}; }
};

/// A past instant in the terms of the present wall clock: as it was read then, unless the clock was set by more than a
/// second since. So the difference to the present time is what the steady clock says.
[[nodiscard]] schedule::TimePoint shown_time(schedule::TimePoint wall, std::chrono::steady_clock::time_point steady,
                                             Now now);

/// What stands in the volume for a repository.
struct Published {
  std::string ref;  ///< full name, empty for a detached HEAD or a pinned commit
  ObjectId tip;     ///< what the remote's ref pointed at: the commit, or an annotated tag
  ObjectId commit;
  std::string settings;  ///< fingerprint of the settings it was published under

  friend bool operator==(const Published&, const Published&) = default;
};

/// What a repository does when: a state machine without I/O, told the time and what happened, asked what to do next.
///
///   start → (waiting → begin_check → decide → [queued → fetching → publishing] → succeed | fail)* → stopped
class Machine {
public:
  struct Settings {
    schedule::Schedule schedule;
    bool pinned = false;      ///< a commit id is configured: once published there is nothing to ask the remote
    bool suspended = false;   ///< does nothing until it is configured otherwise
    std::string fingerprint;  ///< of everything that decides whether a commit may be published
    /// Instead of the schedule while a forge announces pushes; nothing: the schedule stays.
    std::optional<std::chrono::milliseconds> every_when_hooked;
  };

  /// What keeps a repository from its remote, beyond a reload too.
  struct Wait {
    std::chrono::steady_clock::time_point held_until{};        ///< asked for by the host: holds for pokes as well
    std::chrono::steady_clock::time_point backed_off_until{};  ///< after a failure of the network or of the host
    std::optional<Failure> failure;                            ///< the reason
  };

  /// `random` outlives the machine.
  Machine(Settings settings, std::mt19937_64& random);

  /// The wait that lasts at `now`.
  [[nodiscard]] Wait wait(Now now) const;
  /// The wait of the machine before this one. Before start().
  void restore_wait(Wait wait);
  [[nodiscard]] std::chrono::steady_clock::time_point held_until() const noexcept { return held_until_; }
  /// The remote is not to be asked before `until`, because its host asked another repository to wait; the clock's zero
  /// ends that. To be told before due() is asked.
  void hold_with_host(std::chrono::steady_clock::time_point until) noexcept { held_with_host_until_ = until; }
  /// When the remote may be asked again; the clock's zero where none is asked, and without a wait.
  [[nodiscard]] std::chrono::steady_clock::time_point ask_not_before() const noexcept {
    return asks_remote() ? std::max(held_until_, held_with_host_until_) : std::chrono::steady_clock::time_point();
  }

  void restore_published(Published published) { published_ = std::move(published); }
  /// What stood in the volume is lost, or was never of this source.
  void forget_published() noexcept { published_.reset(); }
  /// Recovery is over. `spread`: many start together, so the first checks are dealt over a few seconds. `last_success`:
  /// the last one that is known of. Without it, and when the tree was published under other settings, a slot of a cron
  /// schedule counts as missed.
  void start(Now now, bool spread, std::optional<schedule::TimePoint> last_success);

  /// Asks for a check as soon as possible. Kept while one is running; a host's Retry-After is still respected.
  void poke(Now now);
  /// A forge says that there was a push, of `commit` when it is of the ref that is followed. Asks for a check, at most
  /// one a second; while that commit is not yet to be seen, the remote is looked at again after 1, 2, 4, 8 and 15 s.
  /// Polls by `every_when_hooked` from now on.
  void announce(Now now, const std::optional<ObjectId>& commit);
  /// The running check found something new. When nobody asked for that check, deliveries do not tell everything: the
  /// schedule counts again. True when that is a change.
  bool note_change() noexcept;
  [[nodiscard]] bool hooked() const noexcept { return hooked_; }
  /// Somebody asked for a check that has not ended.
  [[nodiscard]] bool asked() const noexcept;
  /// To be told before due() is asked: when the wall's clock was set back far, slots are planned anew.
  void notice_clock(Now now);
  [[nodiscard]] bool due(Now now) const;
  /// How long to sleep before looking at due() and heal_due() again: the wait itself on the steady clock; for cron
  /// slots at most 30 s at a time, because the wall's clock may be set meanwhile.
  [[nodiscard]] std::chrono::steady_clock::time_point sleep_until(Now now) const;
  [[nodiscard]] std::optional<schedule::TimePoint> next_due(Now now) const;

  /// Asks for a look at what stands in the volume as soon as possible. It needs no remote, so that no Retry-After puts
  /// it off; a check begins with such a look too.
  void heal_soon(Now now);
  [[nodiscard]] bool heal_due(Now now) const noexcept { return now.steady >= heal_due_; }
  void begin_healing() {
    heal_due_ = never;
    healing_ = true;
    if (!failure_heals_) {
      before_healing_ = failure_;
    }
  }
  /// It ended well: a failure of such a look is over, and the one before it, of the remote, counts again. True when
  /// there was one of a look. A failure to publish stays.
  bool end_healing();
  /// When to try again what failed last, as long as it asks no remote.
  [[nodiscard]] std::chrono::steady_clock::time_point retry_at() const noexcept { return retry_at_; }

  void begin_check(Now now);
  /// How old an answer of the remote, that another entry asked for, may be and still count for this check.
  [[nodiscard]] std::chrono::steady_clock::time_point answer_not_before() const noexcept { return answer_not_before_; }

  enum class Next : std::uint8_t {
    unchanged,  ///< what is published is what the remote has
    sync,       ///< fetch if need be, publish
    empty,      ///< the remote has no commit yet
    missing,    ///< the ref is not there
    refused,    ///< known to be unpublishable under these settings
  };
  [[nodiscard]] Next decide(const RefSelection::Choice& choice) const;

  void enter(Phase phase) noexcept {
    phase_ = phase;
    looks_at_volume_ = looks_at_volume_ && phase == Phase::recovering;
  }

  /// The check or sync ended well. `published` is given after a publish. True when this ends a run of failures.
  bool succeed(Now now, std::optional<Published> published = std::nullopt);
  /// It failed: with back-off, or (`on_schedule`: a missing ref, a refused commit) at the next regular check. After
  /// begin_healing(): the look failed, and is made again.
  void fail(Now now, const Error& error, bool on_schedule = false);

  /// Names the volume that the tree is written to, so that its refusals do not outlive it.
  void set_volume(std::string volume) { volume_ = std::move(volume); }
  /// Remembers that `tip` cannot be published: under these settings, or (`by_volume`) under these on this volume.
  void refuse(const ObjectId& tip, const Error& error, bool by_volume = false);
  [[nodiscard]] const Refusal* refusal(const ObjectId& tip) const;
  void restore_refusals(std::map<ObjectId, Refusal> refusals) { refusals_ = std::move(refusals); }
  [[nodiscard]] const std::map<ObjectId, Refusal>& refusals() const noexcept { return refusals_; }

  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] const std::optional<Published>& published() const noexcept { return published_; }
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }
  [[nodiscard]] std::chrono::milliseconds retry_in(Now now) const;

private:
  void fail_healing(Now now, const Error& error);
  void plan_regular(Now now);
  void put_off(Now now);
  void plan_recheck(Now now);
  [[nodiscard]] std::chrono::steady_clock::time_point poked_due(Now now) const;
  [[nodiscard]] bool asks_remote() const noexcept { return !settings_.pinned || !published_; }
  [[nodiscard]] const schedule::Schedule& current_schedule() const noexcept;
  [[nodiscard]] std::chrono::milliseconds interval(Now now) const;
  [[nodiscard]] std::string settings_on_volume() const { return settings_.fingerprint + "@" + volume_; }

  static constexpr auto never = std::chrono::steady_clock::time_point::max();

  Settings settings_;
  std::mt19937_64* random_;
  Phase phase_ = Phase::recovering;
  std::optional<Published> published_;
  std::optional<Failure> failure_;
  std::map<ObjectId, Refusal> refusals_;
  std::string volume_;

  std::chrono::steady_clock::time_point due_ = never;  ///< counts when due_slot_ is absent
  std::optional<schedule::TimePoint> due_slot_;
  std::chrono::steady_clock::time_point held_until_{};  ///< a host asked us to wait
  std::chrono::steady_clock::time_point held_with_host_until_{};
  std::chrono::steady_clock::time_point backed_off_until_{};
  std::chrono::steady_clock::time_point heal_due_ = never;
  bool healing_ = false;                   ///< between begin_healing() and end_healing() or fail()
  bool looks_at_volume_ = true;            ///< an attempt has not come to the remote yet
  bool failure_heals_ = false;             ///< failure_ came of such a look, so that another one may end it
  std::optional<Failure> before_healing_;  ///< of the remote
  std::chrono::steady_clock::time_point retry_at_{};
  std::chrono::milliseconds last_delay_{0};  ///< of a back-off
  std::optional<Now> clock_;                 ///< as it was seen last
  schedule::TimePoint last_check_{};
  std::chrono::steady_clock::time_point last_end_ = std::chrono::steady_clock::time_point::min();  ///< of a check
  std::chrono::steady_clock::time_point answer_not_before_{};
  bool checked_once_ = false;
  bool poked_ = false;

  schedule::Schedule relaxed_;  ///< by every_when_hooked
  bool hooked_ = false;
  bool announced_ = false;                              ///< the next check is made because of a delivery
  bool rechecking_ = false;                             ///< … because of one whose commit was not to be seen
  bool asked_for_ = false;                              ///< the check that runs is one of these, or was poked
  std::optional<ObjectId> expected_;                    ///< an announced commit that was not seen yet
  std::size_t rechecks_ = 0;                            ///< made for it
  std::chrono::steady_clock::time_point not_before_{};  ///< for checks that deliveries ask for
};

}  // namespace adapter::sync
