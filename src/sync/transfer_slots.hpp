// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer_rate.hpp"

namespace adapter::sync {

/// Which transfers may receive, and which of them end for others: the policy without I/O, told the time and the bytes.
///
/// At most `transfers` receive at a time, at most `per_host` of one host. A transfer is slow when it received less than
/// 64 KiB/s over the last 10 s, counted from the first byte of its pack. Before that byte it prepares, because a server
/// counts and compresses a large repository for minutes; it is slow when it does so for longer than `patience`.
///
/// While another one waits for a place, slow ones, and those that prepare for 10 s, move to an overflow of the same
/// size, which keeps their place at the host. When the host's places are what is missing, the slowest ends; where none
/// is slow and more than half of the host's places (rounded up) are kept by transfers that prepare or are protected,
/// the one that began to prepare last ends. When the overflow is full the slowest of all ends, else one that prepares.
///
/// A transfer that was ended waits behind all others and ends none: two slow ones would otherwise end each other for
/// ever. One that was ended twice in a row gets the next place of its host and is protected: it ends only where the
/// overflow is full of protected ones. A host of two or more places has one protected transfer at a time, a host of one
/// place has none.
///
/// A transfer that waits for a connection of its host is paused: it keeps its place at the host, and none of all.
class TransferSlots {
public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Id = std::uint64_t;

  static constexpr std::chrono::seconds window{10};
  static constexpr std::uint64_t slow_bytes_per_second = 64ULL * 1024;
  static constexpr std::chrono::minutes patience{5};
  static constexpr std::size_t ends_before_protection = 2;

  struct Limits {
    std::size_t transfers = 32;       ///< >= 1
    std::size_t per_host = 3;         ///< >= 1
    bool shared_with_checks = false;  ///< a host has one connection only: a check needs a place too

    /// For hosts that may have so many connections: one is left for checks where there are two or more.
    [[nodiscard]] static Limits of(std::size_t transfers, std::size_t connections_per_host) noexcept {
      const bool single = connections_per_host < 2;
      return {transfers, single ? 1 : connections_per_host - 1, single};
    }
  };

  explicit TransferSlots(Limits limits) : limits_(limits) {}

  /// At a reload. Fewer places take effect as they come back.
  void set_limits(Limits limits) noexcept { limits_ = limits; }

  /// Joins the waiting ones. `times_ended`: so many attempts since the last complete one were ended for others.
  Id enter(const std::string& host, std::size_t times_ended);
  /// Gives a place that is free now, when none waits at the host.
  [[nodiscard]] std::optional<Id> try_enter(const std::string& host, TimePoint now);
  /// In any state.
  void leave(Id transfer);
  /// Bytes of the pack of a transfer that has a place.
  void received(Id transfer, std::uint64_t bytes, TimePoint now);
  /// While true the transfer waits for its receiver and not for the peer: that time does not count, and the time before
  /// it still does.
  void set_held_up(Id transfer, bool held_up, TimePoint now);

  /// Of a transfer that has a place.
  void pause(Id transfer, TimePoint now);
  /// A paused one is to go on: it starts again before all that wait, as soon as there is room.
  void resume(Id transfer);

  struct Decisions {
    std::vector<Id> started;  ///< have a place now, or go on
    std::vector<Id> ended;    ///< are to end with class timeout; their places are free when they leave()
  };
  /// To be called after leave() and pause(), after enter() and resume() while has_room(), and each second while one
  /// waits.
  Decisions decide(TimePoint now);

  /// For a place, or to go on.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size() + resuming_.size(); }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  [[nodiscard]] bool has_room() const noexcept { return running_ < limits_.transfers; }

private:
  struct Host {
    std::size_t held = 0;  ///< places, those of transfers that end included
    std::size_t ending = 0;
    std::size_t protected_count = 0;  ///< of held
    std::set<Id> waiting;             ///< in the order of arrival
    std::set<Id> waiting_politely;    ///< that were ended before
    std::set<Id> waiting_protected;   ///< that were ended often enough for protection
    [[nodiscard]] bool is_waited_for() const noexcept {
      return !waiting.empty() || !waiting_politely.empty() || !waiting_protected.empty();
    }
    [[nodiscard]] bool is_idle() const noexcept { return held == 0 && !is_waited_for(); }
  };
  using Hosts = std::map<std::string, Host>;

  enum class State : std::uint8_t { running, overflow, paused, ending };
  struct Transfer {
    Transfer(Hosts::iterator of_host, TimePoint now) : host(of_host), rate(now, window) {}
    Hosts::iterator host;
    State state = State::running;
    bool counts = true;    ///< among the running ones
    bool prepares = true;  ///< no byte of its pack has come
    bool is_protected = false;
    PeerRate rate;  ///< since the place was given, and anew from the first byte of the pack
  };
  using Active = std::map<Id, Transfer>;

  /// Has a place among all and keeps it for now.
  [[nodiscard]] static bool is_receiving(const Transfer& transfer) noexcept {
    return transfer.state == State::running || transfer.state == State::overflow;
  }
  [[nodiscard]] static bool is_slow(Transfer& transfer, TimePoint now);
  [[nodiscard]] static bool may_move(Transfer& transfer, TimePoint now);
  template <class Eligible>
  [[nodiscard]] Active::iterator slowest(TimePoint now, Eligible eligible);
  [[nodiscard]] Active::iterator slowest_to_end(TimePoint now, const Host* host);
  [[nodiscard]] Active::iterator last_to_prepare(TimePoint now, const Host* host, std::size_t kept);
  [[nodiscard]] Hosts::iterator next_in_turn(std::set<Id> Host::* queue, bool protect);
  void start(Hosts::iterator host, std::set<Id> Host::* queue, bool protect, TimePoint now, Decisions& decisions);
  void go_on(TimePoint now, Decisions& decisions);
  void grant(std::set<Id> Host::* queue, bool protect, TimePoint now, Decisions& decisions);
  void make_room_at_hosts(TimePoint now, Decisions& decisions);
  void make_room_in_all(TimePoint now, Decisions& decisions);
  void end_one_of_all(TimePoint now, Decisions& decisions);
  void end(Active::iterator transfer, Decisions& decisions);
  void promote();
  void forget_if_idle(Hosts::iterator host);

  Limits limits_;
  Id last_ = 0;
  Hosts hosts_;    ///< with a transfer that receives or waits
  Active active_;  ///< that have a place, by arrival
  std::map<Id, Hosts::iterator> waiting_;
  std::set<Id> resuming_;    ///< paused ones that are to go on
  std::size_t running_ = 0;  ///< of active_: those that count
  std::size_t paused_ = 0;
  std::size_t ending_ = 0;
};

}  // namespace adapter::sync
