// SPDX-License-Identifier: Apache-2.0
#include "transfer_slots.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace adapter::sync {
namespace {

constexpr std::chrono::seconds least_hold_up{1};

std::int64_t second_of(TransferSlots::TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

TransferSlots::Id TransferSlots::enter(const std::string& host, bool was_ended) {
  const auto place = hosts_.try_emplace(host).first;
  (was_ended ? place->second.waiting_politely : place->second.waiting).insert(++last_);
  waiting_.emplace(last_, place);
  return last_;
}

void TransferSlots::leave(Id transfer) {
  if (const auto waiter = waiting_.find(transfer); waiter != waiting_.end()) {
    const auto host = waiter->second;
    host->second.waiting.erase(transfer);
    host->second.waiting_politely.erase(transfer);
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
  running_ -= place->second.counts ? 1U : 0U;
  if (place->second.state == State::ending) {
    --host->second.ending;
    --ending_;
  }
  active_.erase(place);
  forget_if_idle(host);
}

void TransferSlots::forget_if_idle(Hosts::iterator host) {
  if (host->second.held == 0 && host->second.waiting.empty() && host->second.waiting_politely.empty()) {
    hosts_.erase(host);
  }
}

void TransferSlots::received(Id transfer, std::uint64_t bytes, TimePoint now) {
  const auto place = active_.find(transfer);
  if (place != active_.end()) {
    turn(place->second, now);
    place->second.bytes.at(static_cast<std::size_t>(place->second.second) % buckets) += bytes;
  }
}

void TransferSlots::set_held_up(Id transfer, bool held_up, TimePoint now) {
  const auto place = active_.find(transfer);
  if (place == active_.end()) {
    return;
  }
  Transfer& receiving = place->second;
  if (receiving.held_up && !held_up && now - receiving.held_up_since >= least_hold_up) {
    receiving.judged_from = now;
  }
  receiving.held_up = held_up;
  receiving.held_up_since = now;
}

/// Empties the buckets of the seconds that have passed.
void TransferSlots::turn(Transfer& transfer, TimePoint now) {
  const std::int64_t second = second_of(now);
  if (second - transfer.second >= static_cast<std::int64_t>(buckets)) {
    transfer.bytes.fill(0);
    transfer.second = second;
  }
  while (transfer.second < second) {
    ++transfer.second;
    transfer.bytes.at(static_cast<std::size_t>(transfer.second) % buckets) = 0;
  }
}

std::uint64_t TransferSlots::rate(const Transfer& transfer) noexcept {
  return std::accumulate(transfer.bytes.begin(), transfer.bytes.end(), std::uint64_t{0}) / buckets;
}

bool TransferSlots::is_slow(Transfer& transfer, TimePoint now) {
  turn(transfer, now);
  return !transfer.held_up && now - transfer.judged_from >= window && rate(transfer) < slow_bytes_per_second;
}

TransferSlots::Decisions TransferSlots::decide(TimePoint now) {
  Decisions decisions;
  grant(&Host::waiting, now, decisions);
  make_room_at_hosts(now, decisions);
  make_room_in_all(now, decisions);
  grant(&Host::waiting_politely, now, decisions);
  promote();
  return decisions;
}

/// The host of the first that waits where a place of the host is free; one that waits for its host holds up no other.
TransferSlots::Hosts::iterator TransferSlots::next_in_turn(std::set<Id> Host::* queue) {
  auto first = hosts_.end();
  for (auto host = hosts_.begin(); host != hosts_.end(); ++host) {
    const std::set<Id>& waiting = host->second.*queue;
    if (!waiting.empty() && host->second.held < limits_.per_host &&
        (first == hosts_.end() || *waiting.begin() < *(first->second.*queue).begin())) {
      first = host;
    }
  }
  return first;
}

void TransferSlots::start(Hosts::iterator host, std::set<Id> Host::* queue, TimePoint now, Decisions& decisions) {
  std::set<Id>& waiting = host->second.*queue;
  const Id id = *waiting.begin();
  waiting.erase(waiting.begin());
  waiting_.erase(id);
  ++host->second.held;
  ++running_;
  Transfer& transfer = active_[id];
  transfer.host = host;
  transfer.judged_from = now;
  transfer.second = second_of(now);
  decisions.started.push_back(id);
}

void TransferSlots::grant(std::set<Id> Host::* queue, TimePoint now, Decisions& decisions) {
  while (has_room()) {
    const auto host = next_in_turn(queue);
    if (host == hosts_.end()) {
      return;
    }
    start(host, queue, now, decisions);
  }
}

TransferSlots::Active::iterator TransferSlots::slowest(TimePoint now, const Host* host, bool running_only) {
  auto found = active_.end();
  for (auto transfer = active_.begin(); transfer != active_.end(); ++transfer) {
    const State state = transfer->second.state;
    const bool eligible = state == State::running || (state == State::overflow && !running_only);
    if (eligible && (host == nullptr || &transfer->second.host->second == host) && is_slow(transfer->second, now) &&
        (found == active_.end() || rate(transfer->second) < rate(found->second))) {
      found = transfer;
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
  for (auto& [name, host] : hosts_) {
    while (host.held >= limits_.per_host && host.ending < std::min(host.waiting.size(), host.held)) {
      const auto slow = slowest(now, &host, false);
      if (slow == active_.end()) {
        break;
      }
      end(slow, decisions);
    }
  }
}

/// For those whose host has room: a slow one moves into the overflow, or the slowest of all ends when that is full.
void TransferSlots::make_room_in_all(TimePoint now, Decisions& decisions) {
  while (true) {
    const auto host = next_in_turn(&Host::waiting);
    const auto slow = host == hosts_.end() ? active_.end() : slowest(now, nullptr, true);
    if (slow == active_.end()) {
      return;
    }
    if (active_.size() - running_ >= limits_.transfers) {
      if (ending_ == 0) {
        end(slowest(now, nullptr, false), decisions);
      }
      return;
    }
    slow->second.state = State::overflow;
    slow->second.counts = false;
    --running_;
    start(host, &Host::waiting, now, decisions);
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
