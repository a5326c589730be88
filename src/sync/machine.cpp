// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "adapter/log/log.hpp"
#include "retry_policy.hpp"

namespace adapter::sync {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// The wall's clock may be set while we sleep towards a slot.
constexpr std::chrono::seconds longest_sleep_to_slot{30};
/// A clock that is set back by less brings no slot back; by more, the schedule goes on from the new time. One that
/// was far in the future for a moment must not silence a schedule until that day.
constexpr std::chrono::minutes small_step_back{5};
/// Entries of one remote share an answer when it is younger than this part of their interval.
constexpr int shared_answer_fraction = 4;
/// Checks that fall within this part of their interval, and within this time, are made together: a process that wakes
/// up once for many costs less than half of one that wakes up for each.
constexpr int together_fraction = 50;
constexpr milliseconds longest_together{250};
/// Deliveries cause at most one check in this time; what comes meanwhile is answered by the next.
constexpr std::chrono::seconds between_announced_checks{1};
/// A forge tells of a push before all of its servers show it.
constexpr std::array<std::chrono::seconds, 5> recheck_after{1s, 2s, 4s, 8s, 15s};

/// The instant next to `due` at which all entries of this interval are looked at.
std::chrono::steady_clock::time_point together(std::chrono::steady_clock::time_point due, milliseconds every) {
  const std::chrono::steady_clock::duration grid = std::min(every / together_fraction, longest_together);
  if (grid <= grid.zero()) {
    return due;
  }
  return due + grid / 2 - (due + grid / 2).time_since_epoch() % grid;
}

}  // namespace

Machine::Machine(Settings settings, std::mt19937_64& random)
    : settings_(std::move(settings)), random_(&random), relaxed_(settings_.schedule) {
  if (settings_.every_when_hooked) {
    relaxed_.when = schedule::Interval{*settings_.every_when_hooked};
  }
}

void Machine::start(Now now, bool spread, std::optional<schedule::TimePoint> last_success) {
  clock_ = now;
  last_check_ = now.wall;
  if (settings_.suspended) {
    // A recovery that had failed left times at which to try again.
    due_ = heal_due_ = never;
    due_slot_.reset();
    failure_.reset();
    phase_ = Phase::suspended;
    return;
  }
  phase_ = Phase::waiting;
  if (poked_) {
    due_ = poked_due(now);
    return;
  }
  std::optional<schedule::TimePoint> seen;
  if (published_) {
    const bool known = last_success && published_->settings == settings_.fingerprint;
    seen = known ? *last_success : schedule::TimePoint();  // else long ago
  }
  const schedule::TimePoint first = settings_.schedule.first_due(now.wall, seen, spread, *random_);
  if (std::holds_alternative<schedule::CronSchedule>(settings_.schedule.when) && published_.has_value()) {
    due_slot_ = first;
  } else {
    due_ = now.steady + std::max(first - now.wall, schedule::TimePoint::duration::zero());
  }
  put_off(now);
}

/// The first check is not made before the wait that is left of an earlier machine is over.
void Machine::put_off(Now now) {
  const auto not_before = std::max(held_until_, backed_off_until_);
  if (!asks_remote() || not_before <= now.steady) {
    return;
  }
  if (failure_) {
    phase_ = Phase::backing_off;
  }
  if (due_slot_ && *due_slot_ - now.wall >= not_before - now.steady) {
    return;
  }
  due_ = due_slot_ ? not_before : std::max(due_, not_before);
  due_slot_.reset();
}

Machine::Wait Machine::wait(Now now) const {
  Wait wait;
  if (held_until_ > now.steady) {
    wait.held_until = held_until_;
  }
  if (backed_off_until_ > now.steady) {
    wait.backed_off_until = backed_off_until_;
  }
  if (held_until_ > now.steady || backed_off_until_ > now.steady) {
    wait.failure = failure_;
  }
  return wait;
}

void Machine::restore_wait(Wait wait) {
  held_until_ = wait.held_until;
  backed_off_until_ = wait.backed_off_until;
  failure_ = std::move(wait.failure);
}

void Machine::poke(Now now) {
  if (settings_.suspended || phase_ == Phase::stopped) {
    return;
  }
  poked_ = true;
  not_before_ = now.steady;
  due_slot_.reset();
  due_ = poked_due(now);
}

void Machine::announce(Now now, const std::optional<ObjectId>& commit) {
  if (settings_.suspended || phase_ == Phase::stopped) {
    return;
  }
  hooked_ = true;
  announced_ = true;
  if (commit) {
    expected_ = commit;
    rechecks_ = 0;
  }
  poked_ = true;
  due_slot_.reset();
  due_ = poked_due(now);
}

std::chrono::steady_clock::time_point Machine::poked_due(Now now) const {
  return std::max({now.steady, held_until_, not_before_});
}

bool Machine::note_change() noexcept {
  return !asked_for_ && published_ && std::exchange(hooked_, false);
}

bool Machine::asked() const noexcept {
  const bool runs = phase_ == Phase::recovering || phase_ == Phase::checking || phase_ == Phase::queued ||
                    phase_ == Phase::fetching || phase_ == Phase::publishing;
  return poked_ || rechecking_ || (runs && asked_for_);
}

void Machine::notice_clock(Now now) {
  const bool set_back =
      clock_ && clock_->wall + duration_cast<schedule::TimePoint::duration>(now.steady - clock_->steady) - now.wall >
                    small_step_back;
  clock_ = now;
  if (!set_back) {
    return;
  }
  last_check_ = std::min(last_check_, now.wall);
  if (due_slot_) {
    plan_regular(now);
  }
}

void Machine::heal_soon(Now now) {
  if (!settings_.suspended && phase_ != Phase::stopped) {
    heal_due_ = now.steady;
  }
}

bool Machine::end_healing() {
  healing_ = false;
  const bool ends = failure_ && std::exchange(failure_heals_, false);
  if (ends) {
    failure_ = before_healing_;
  }
  before_healing_.reset();
  return ends;
}

bool Machine::due(Now now) const {
  if (now.steady < ask_not_before()) {
    return false;
  }
  if (due_slot_) {
    return now.wall >= *due_slot_;
  }
  return now.steady >= due_;
}

std::chrono::steady_clock::time_point Machine::sleep_until(Now now) const {
  auto until = due_;
  if (due_slot_) {
    until = now.steady + std::clamp<schedule::TimePoint::duration>(
                             *due_slot_ - now.wall, schedule::TimePoint::duration::zero(), longest_sleep_to_slot);
  }
  return std::min(std::max(until, ask_not_before()), heal_due_);
}

std::optional<schedule::TimePoint> Machine::next_due(Now now) const {
  if (due_ == never && !due_slot_) {
    return std::nullopt;
  }
  const auto not_before = due_slot_ ? ask_not_before() : std::max(due_, ask_not_before());
  const schedule::TimePoint due = now.wall + duration_cast<schedule::TimePoint::duration>(not_before - now.steady);
  return due_slot_ ? std::max(*due_slot_, due) : due;
}

void Machine::begin_check(Now now) {
  phase_ = Phase::checking;
  looks_at_volume_ = true;
  backed_off_until_ = {};
  heal_due_ = never;
  notice_clock(now);
  const milliseconds every = interval(now);
  if (poked_ || rechecking_) {
    answer_not_before_ = now.steady;
  } else if (due_slot_) {
    answer_not_before_ = now.steady - std::max(now.wall - *due_slot_, schedule::TimePoint::duration::zero());
  } else {
    answer_not_before_ = now.steady - (checked_once_ ? every / shared_answer_fraction : every);
  }
  // An answer that was good for the check before is none for this one, whatever the clocks say meanwhile.
  if (!poked_ && !rechecking_) {
    answer_not_before_ = std::max(answer_not_before_, last_end_);
  }
  if (std::exchange(announced_, false)) {
    not_before_ = now.steady + between_announced_checks;
  }
  asked_for_ = poked_ || rechecking_;
  rechecking_ = false;
  poked_ = false;
  checked_once_ = true;
  due_slot_.reset();
  due_ = never;
  // Never backwards: a slot that has fired does not fire again because the clock was set back.
  last_check_ = std::max(last_check_, now.wall);
}

Machine::Next Machine::decide(const RefSelection::Choice& choice) const {
  switch (choice.kind) {
    case RefSelection::Choice::Kind::empty_remote:
      // What had commits once and has none now has lost the one that is followed.
      return published_ ? Next::missing : Next::empty;
    case RefSelection::Choice::Kind::missing:
      return Next::missing;
    case RefSelection::Choice::Kind::found:
      break;
  }
  if (published_ && published_->tip == choice.tip && published_->ref == choice.ref &&
      published_->settings == settings_.fingerprint) {
    return Next::unchanged;
  }
  return refusal(choice.tip) != nullptr ? Next::refused : Next::sync;
}

bool Machine::succeed(Now now, std::optional<Published> published) {
  if (published) {
    published_ = std::move(published);
    refusals_.erase(published_->tip);
  }
  last_end_ = now.steady;
  phase_ = Phase::waiting;
  plan_regular(now);
  plan_recheck(now);
  failure_heals_ = false;
  before_healing_.reset();
  return std::exchange(failure_, std::nullopt).has_value();
}

void Machine::fail(Now now, const Error& error, bool on_schedule) {
  if (healing_ && !failure_heals_) {
    failure_.reset();  // that of the remote is in before_healing_
  }
  count_failure(failure_, error, now.wall, now.steady);
  phase_ = Phase::backing_off;
  if (std::exchange(healing_, false)) {
    fail_healing(now, error);
    return;
  }
  last_end_ = now.steady;
  failure_heals_ = looks_at_volume_ && error.error_class() == ErrorClass::storage;
  if (!failure_heals_) {
    before_healing_.reset();
  }
  if (on_schedule) {
    plan_regular(now);
    plan_recheck(now);
    return;
  }
  milliseconds delay = retry_delay(error, failure_->count, interval(now), *random_);
  if (error.error_class() == ErrorClass::timeout && failure_->unchanged > 2) {
    // Whatever is too large for its time will be so again, and each attempt costs the whole of it.
    delay = std::max(delay, std::min(last_delay_ * 2, std::max(retry_cap(ErrorClass::timeout), interval(now))));
  }
  last_delay_ = delay;
  if (error.retry_after()) {
    held_until_ = now.steady + delay;
  }
  retry_at_ = now.steady + delay;
  due_slot_.reset();
  due_ = poked_ ? poked_due(now) : retry_at_;
  // What the volume caused heals without the remote.
  if (error.error_class() == ErrorClass::storage && asks_remote() && held_until_ > retry_at_) {
    heal_due_ = std::min(heal_due_, retry_at_);
  }
  // Other failures may end with a changed configuration, so that their waits do not outlast a reload.
  if (error.error_class() == ErrorClass::network || error.error_class() == ErrorClass::rate_limited) {
    backed_off_until_ = retry_at_;
  }
}

/// The remote keeps the time at which it is asked next.
void Machine::fail_healing(Now now, const Error& error) {
  failure_heals_ = true;
  retry_at_ = now.steady + retry_delay(error, failure_->count, interval(now), *random_);
  heal_due_ = std::min(heal_due_, retry_at_);
}

void Machine::refuse(const ObjectId& tip, const Error& error, bool by_volume) {
  remember(refusals_, tip,
           Refusal{error.error_class(), log::redacted(error.text()),
                   by_volume ? settings_on_volume() : settings_.fingerprint});
}

const Refusal* Machine::refusal(const ObjectId& tip) const {
  const auto place = refusals_.find(tip);
  if (place == refusals_.end()) {
    return nullptr;
  }
  const Refusal& refusal = place->second;
  return refusal.settings == settings_.fingerprint || refusal.settings == settings_on_volume() ? &refusal : nullptr;
}

milliseconds Machine::retry_in(Now now) const {
  if (heal_due_ != never) {
    return std::max(milliseconds(0), duration_cast<milliseconds>(heal_due_ - now.steady));
  }
  const auto due = next_due(now);
  return due ? std::max(milliseconds(0), duration_cast<milliseconds>(*due - now.wall)) : milliseconds(0);
}

void Machine::plan_regular(Now now) {
  due_slot_.reset();
  if (poked_) {
    due_ = poked_due(now);
    return;
  }
  const schedule::Schedule& schedule = current_schedule();
  if (std::holds_alternative<schedule::CronSchedule>(schedule.when)) {
    // A clock that was set back does not bring slots back that have fired.
    due_slot_ = schedule.next_due(last_check_, std::max(now.wall, last_check_), *random_);
    return;
  }
  const schedule::TimePoint next = schedule.next_due(last_check_, now.wall, *random_);
  const auto due = now.steady + std::max(next - now.wall, schedule::TimePoint::duration::zero());
  due_ = std::max(now.steady, together(due, interval(now)));
}

void Machine::plan_recheck(Now now) {
  if (!expected_) {
    return;
  }
  const bool seen = (published_ && (published_->tip == *expected_ || published_->commit == *expected_)) ||
                    refusal(*expected_) != nullptr;
  if (seen || rechecks_ == recheck_after.size()) {
    expected_.reset();
    return;
  }
  if (poked_) {
    return;  // looked at again in any case
  }
  rechecking_ = true;
  const auto again = now.steady + recheck_after[rechecks_++];
  if (due_slot_ || again < due_) {
    due_slot_.reset();
    due_ = again;
  }
}

const schedule::Schedule& Machine::current_schedule() const noexcept {
  return hooked_ && settings_.every_when_hooked ? relaxed_ : settings_.schedule;
}

milliseconds Machine::interval(Now now) const {
  if (const auto* interval = std::get_if<schedule::Interval>(&settings_.schedule.when)) {
    return interval->every;
  }
  const auto& cron = std::get<schedule::CronSchedule>(settings_.schedule.when);
  const auto next = cron.cron.next(now.wall, cron.zone);
  return next ? duration_cast<milliseconds>(*next - now.wall) : milliseconds(0);
}

}  // namespace adapter::sync
