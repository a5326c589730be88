// SPDX-License-Identifier: Apache-2.0
#include "transfer_slots.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {

TransferSlots::Id TransferSlots::enter(const std::string& host, std::size_t times_ended) {
  const auto place = hosts_.try_emplace(host).first;
  Host& entered = place->second;
  ++last_;
  if (times_ended == 0) {
    entered.waiting.insert(last_);
  } else {
    (times_ended < ends_before_protection ? entered.waiting_politely : entered.waiting_protected).insert(last_);
  }
  waiting_.emplace(last_, place);
  return last_;
}

std::optional<TransferSlots::Id> TransferSlots::try_enter(const std::string& host, TimePoint now) {
  const auto place = hosts_.try_emplace(host).first;
  if (!has_room() || place->second.held >= limits_.per_host || place->second.is_waited_for()) {
    forget_if_idle(place);
    return std::nullopt;
  }
  place->second.waiting.insert(++last_);
  Decisions started;
  start(place, &Host::waiting, false, now, started);
  return last_;
}

void TransferSlots::leave(Id transfer) {
  if (const auto waiter = waiting_.find(transfer); waiter != waiting_.end()) {
    const auto host = waiter->second;
    host->second.waiting.erase(transfer);
    host->second.waiting_politely.erase(transfer);
    host->second.waiting_protected.erase(transfer);
    waiting_.erase(waiter);
    forget_if_idle(host);
    return;
  }
  const auto place = active_.find(transfer);
  if (place == active_.end()) {
    return;
  }
  const auto host = place->second.host;
  --host->second.held;
  host->second.protected_count -= place->second.is_protected ? 1U : 0U;
  running_ -= place->second.counts ? 1U : 0U;
  paused_ -= place->second.state == State::paused ? 1U : 0U;
  resuming_.erase(transfer);
  if (place->second.state == State::ending) {
    --host->second.ending;
    --ending_;
  }
  active_.erase(place);
  forget_if_idle(host);
}

void TransferSlots::forget_if_idle(Hosts::iterator host) {
  if (host->second.is_idle()) {
    hosts_.erase(host);
  }
}

void TransferSlots::received(Id transfer, std::uint64_t bytes, TimePoint now) {
  const auto place = active_.find(transfer);
  if (place != active_.end()) {
    if (std::exchange(place->second.prepares, false)) {
      place->second.rate.restart(now);
    }
    place->second.rate.received(bytes, now);
  }
}

void TransferSlots::set_held_up(Id transfer, bool held_up, TimePoint now) {
  const auto place = active_.find(transfer);
  if (place != active_.end()) {
    place->second.rate.set_held_up(held_up, now);
  }
}

void TransferSlots::pause(Id transfer, TimePoint now) {
  const auto place = active_.find(transfer);
  if (place == active_.end() || place->second.state == State::paused || place->second.state == State::ending) {
    return;
  }
  running_ -= std::exchange(place->second.counts, false) ? 1U : 0U;
  place->second.state = State::paused;
  place->second.rate.set_held_up(true, now);
  ++paused_;
}

void TransferSlots::resume(Id transfer) {
  const auto place = active_.find(transfer);
  if (place != active_.end() && place->second.state == State::paused) {
    resuming_.insert(transfer);
  }
}

bool TransferSlots::is_slow(Transfer& transfer, TimePoint now) {
  const std::chrono::seconds judged_after = transfer.prepares ? std::chrono::seconds(patience) : window;
  return transfer.rate.waited(now) >= judged_after && transfer.rate.bytes_per_second(now) < slow_bytes_per_second;
}

/// Into the overflow, or, where it prepares, to its end.
bool TransferSlots::may_move(Transfer& transfer, TimePoint now) {
  const bool prepares_long = transfer.prepares && transfer.rate.has_whole_window(now);
  return prepares_long || is_slow(transfer, now);
}

TransferSlots::Decisions TransferSlots::decide(TimePoint now) {
  Decisions decisions;
  go_on(now, decisions);
  grant(&Host::waiting_protected, true, now, decisions);
  grant(&Host::waiting, false, now, decisions);
  make_room_at_hosts(now, decisions);
  make_room_in_all(now, decisions);
  grant(&Host::waiting_politely, false, now, decisions);
  grant(&Host::waiting_protected, false, now, decisions);
  promote();
  return decisions;
}

/// The host of the first that waits where a place of the host is free; one that waits for its host holds up no other.
TransferSlots::Hosts::iterator TransferSlots::next_in_turn(std::set<Id> Host::* queue, bool protect) {
  auto first = hosts_.end();
  for (auto host = hosts_.begin(); host != hosts_.end(); ++host) {
    const std::set<Id>& waiting = host->second.*queue;
    const bool may_protect = limits_.per_host >= 2 && host->second.protected_count == 0;
    if (!waiting.empty() && host->second.held < limits_.per_host && (may_protect || !protect) &&
        (first == hosts_.end() || *waiting.begin() < *(first->second.*queue).begin())) {
      first = host;
    }
  }
  return first;
}

void TransferSlots::start(Hosts::iterator host, std::set<Id> Host::* queue, bool protect, TimePoint now,
                          Decisions& decisions) {
  std::set<Id>& waiting = host->second.*queue;
  const Id id = *waiting.begin();
  waiting.erase(waiting.begin());
  waiting_.erase(id);
  ++host->second.held;
  ++running_;
  Transfer& transfer = active_.try_emplace(id, host, now).first->second;
  transfer.is_protected = protect;
  host->second.protected_count += protect ? 1U : 0U;
  decisions.started.push_back(id);
}

void TransferSlots::go_on(TimePoint now, Decisions& decisions) {
  while (has_room() && !resuming_.empty()) {
    Transfer& transfer = active_.at(*resuming_.begin());
    transfer.state = State::running;
    transfer.counts = true;
    transfer.rate.set_held_up(false, now);
    ++running_;
    --paused_;
    decisions.started.push_back(*resuming_.begin());
    resuming_.erase(resuming_.begin());
  }
}

void TransferSlots::grant(std::set<Id> Host::* queue, bool protect, TimePoint now, Decisions& decisions) {
  while (has_room()) {
    const auto host = next_in_turn(queue, protect);
    if (host == hosts_.end()) {
      return;
    }
    start(host, queue, protect, now, decisions);
  }
}

template <class Eligible>
TransferSlots::Active::iterator TransferSlots::slowest(TimePoint now, Eligible eligible) {
  auto found = active_.end();
  std::uint64_t least = 0;
  for (auto transfer = active_.begin(); transfer != active_.end(); ++transfer) {
    if (!eligible(transfer->second)) {
      continue;
    }
    const std::uint64_t rate = transfer->second.rate.bytes_per_second(now);
    if (found == active_.end() || rate < least) {
      found = transfer;
      least = rate;
    }
  }
  return found;
}

/// Of `host`, or of all hosts where it is null.
TransferSlots::Active::iterator TransferSlots::slowest_to_end(TimePoint now, const Host* host) {
  return slowest(now, [&](Transfer& transfer) {
    return is_receiving(transfer) && !transfer.is_protected && (host == nullptr || &transfer.host->second == host) &&
           is_slow(transfer, now);
  });
}

/// Of those that prepare, in the order of arrival, the last one behind the first `kept`.
TransferSlots::Active::iterator TransferSlots::last_to_prepare(TimePoint now, const Host* host, std::size_t kept) {
  auto found = active_.end();
  std::size_t count = 0;
  for (auto each = active_.begin(); each != active_.end(); ++each) {
    Transfer& transfer = each->second;
    const bool counts = transfer.prepares && !transfer.is_protected && is_receiving(transfer) &&
                        (host == nullptr || &transfer.host->second == host);
    count += counts ? 1U : 0U;
    if (counts && count > kept && may_move(transfer, now)) {
      found = each;
    }
  }
  return found;
}

void TransferSlots::end(Active::iterator transfer, Decisions& decisions) {
  transfer->second.state = State::ending;
  ++transfer->second.host->second.ending;
  ++ending_;
  decisions.ended.push_back(transfer->first);
}

/// For each that waits for a place of its host: the end of a slow one there, unless one ends already.
void TransferSlots::make_room_at_hosts(TimePoint now, Decisions& decisions) {
  const std::size_t half = (limits_.per_host + 1) / 2;
  for (auto& [name, host] : hosts_) {
    while (host.held >= limits_.per_host && host.ending < std::min(host.waiting.size(), host.held)) {
      auto ended = slowest_to_end(now, &host);
      if (ended == active_.end()) {
        ended = last_to_prepare(now, &host, half - std::min(half, host.protected_count));
      }
      if (ended == active_.end()) {
        break;
      }
      end(ended, decisions);
    }
  }
}

/// For those whose host has room, or that are to go on: a slow one moves into the overflow, or one of all ends when
/// that is full.
void TransferSlots::make_room_in_all(TimePoint now, Decisions& decisions) {
  while (true) {
    const auto host = next_in_turn(&Host::waiting, false);
    const bool is_wanted = host != hosts_.end() || !resuming_.empty();
    const auto moved = !is_wanted ? active_.end() : slowest(now, [&](Transfer& transfer) {
      return transfer.state == State::running && may_move(transfer, now);
    });
    if (moved == active_.end()) {
      return;
    }
    if (active_.size() - running_ - paused_ >= limits_.transfers) {
      if (ending_ == 0) {
        end_one_of_all(now, decisions);
      }
      return;
    }
    moved->second.state = State::overflow;
    moved->second.counts = false;
    --running_;
    if (resuming_.empty()) {
      start(host, &Host::waiting, false, now, decisions);
    } else {
      go_on(now, decisions);
    }
  }
}

/// At least one may move, or is in the overflow: one of these three looks finds it.
void TransferSlots::end_one_of_all(TimePoint now, Decisions& decisions) {
  auto ended = slowest_to_end(now, nullptr);
  if (ended == active_.end()) {
    ended = last_to_prepare(now, nullptr, 0);
  }
  if (ended == active_.end()) {
    ended = slowest(now, [&](Transfer& transfer) { return is_receiving(transfer) && may_move(transfer, now); });
  }
  if (ended != active_.end()) {
    end(ended, decisions);
  }
}

/// Places that none asks for go back to those in the overflow, the oldest first.
void TransferSlots::promote() {
  for (auto transfer = active_.begin(); transfer != active_.end() && has_room(); ++transfer) {
    if (transfer->second.state == State::overflow) {
      transfer->second.state = State::running;
      transfer->second.counts = true;
      ++running_;
    }
  }
}

}  // namespace adapter::sync
