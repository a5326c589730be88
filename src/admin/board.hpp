// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/sync/events.hpp"
#include "secret_paths.hpp"

namespace adapter::admin {

inline constexpr std::size_t max_kept_events = 4096;
inline constexpr std::size_t max_kept_outcomes = 50;

/// Results in a row that were alike.
struct OutcomeRun {
  std::string_view result;  ///< Event::result(), which lives for ever
  std::uint32_t count = 0;
};

/// An event with its number, which counts up from 1 over the life of the process.
struct NumberedEvent {
  std::uint64_t number = 0;
  sync::Event event;
};

/// Keeps the last events and outcomes, and lets threads wait for what comes. Told on the loop thread, read on any.
class Board final : public sync::Observer {
public:
  using Clock = std::chrono::steady_clock;

  Board();
  void on_event(const sync::Event& event) noexcept override;
  /// Forgets all but these; from now on `paths` are hidden in texts.
  void retain(const std::set<std::string, std::less<>>& repositories, SecretPaths paths);
  /// Ends all waits; later ones return at once.
  void stop();
  [[nodiscard]] bool stopped() const;

  /// The id that stands for "all so far": "<start of the process>-<number>".
  [[nodiscard]] std::string latest_id() const;
  [[nodiscard]] std::string id_of(std::uint64_t number) const;
  /// The number in an id of this process whose following events are all still kept; else nothing.
  [[nodiscard]] std::optional<std::uint64_t> resume_after(std::string_view id) const;
  /// Up to `limit` events after `number`, waiting for the first until `until`. Nothing when some of them are gone.
  [[nodiscard]] std::optional<std::vector<NumberedEvent>> events_after(std::uint64_t number, std::size_t limit,
                                                                       Clock::time_point until);
  [[nodiscard]] std::uint64_t latest() const;

  /// The event that ended `attempt`, or a later one, of a repository.
  [[nodiscard]] std::optional<sync::Event> wait_for_end(std::string_view repository, std::uint64_t attempt,
                                                        Clock::time_point until);
  [[nodiscard]] std::vector<OutcomeRun> outcomes(std::string_view repository) const;

private:
  struct Record {
    std::deque<OutcomeRun> runs;  ///< oldest first
    std::uint32_t count = 0;      ///< in all runs
    std::optional<sync::Event> last_end;
  };
  void note_end(const sync::Event& event);

  std::string boot_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0;
  bool stopped_ = false;
  SecretPaths secret_paths_;
  std::deque<sync::Event> events_;
  std::uint64_t dropped_ = 0;  ///< events before the first kept one
  std::map<std::string, Record, std::less<>> records_;
};

}  // namespace adapter::admin
