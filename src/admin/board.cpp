// SPDX-License-Identifier: Apache-2.0
#include "board.hpp"

#include <algorithm>
#include <charconv>

namespace adapter::admin {

Board::Board() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::array<char, 24> digits{};
  const auto [end, failure] = std::to_chars(digits.begin(), digits.end(),
                                            std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), 36);
  boot_.assign(digits.begin(), end);
}

void Board::on_event(const sync::Event& event) noexcept {
  bool somebody_waits = false;
  try {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    if (!event.text.empty()) {
      events_.back().text = secret_paths_.hidden_in(event.text);
    }
    if (events_.size() > max_kept_events) {
      events_.pop_front();
      ++dropped_;
    }
    if (event.ends_attempt) {
      note_end(events_.back());
    }
    somebody_waits = waiting_ != 0;
  } catch (const std::bad_alloc&) {
    return;  // an event that is not seen is better than a daemon that ends
  }
  if (somebody_waits) {
    changed_.notify_all();
  }
}

void Board::note_end(const sync::Event& event) {
  auto place = records_.find(event.repository);
  if (place == records_.end()) {
    place = records_.emplace(event.repository, Record()).first;
  }
  Record& record = place->second;
  record.last_end = event;
  if (record.runs.empty() || record.runs.back().result != event.result()) {
    record.runs.push_back({event.result(), 0});
  }
  ++record.runs.back().count;
  if (++record.count > max_kept_outcomes) {
    --record.count;
    if (--record.runs.front().count == 0) {
      record.runs.pop_front();
    }
  }
}

void Board::retain(const std::set<std::string, std::less<>>& repositories, SecretPaths paths) {
  const std::lock_guard lock(mutex_);
  secret_paths_ = std::move(paths);
  std::erase_if(records_, [&](const auto& record) { return !repositories.contains(record.first); });
}

void Board::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

bool Board::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::uint64_t Board::latest() const {
  const std::lock_guard lock(mutex_);
  return dropped_ + events_.size();
}

std::string Board::id_of(std::uint64_t number) const {
  return boot_ + "-" + std::to_string(number);
}

std::string Board::latest_id() const {
  return id_of(latest());
}

std::optional<std::uint64_t> Board::resume_after(std::string_view id) const {
  if (!id.starts_with(boot_) || id.size() <= boot_.size() + 1 || id[boot_.size()] != '-') {
    return std::nullopt;
  }
  const std::string_view digits = id.substr(boot_.size() + 1);
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  const bool kept = number >= dropped_ && number <= dropped_ + events_.size();
  return kept ? std::optional(number) : std::nullopt;
}

std::optional<std::vector<NumberedEvent>> Board::events_after(std::uint64_t number, std::size_t limit,
                                                              Clock::time_point until) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.wait_until(lock, until, [&] { return stopped_ || dropped_ + events_.size() > number; });
  --waiting_;
  if (number < dropped_) {
    return std::nullopt;
  }
  std::vector<NumberedEvent> found;
  for (std::uint64_t i = number - dropped_; i < events_.size() && found.size() < limit; ++i) {
    found.push_back({dropped_ + i + 1, events_[i]});
  }
  return found;
}

std::optional<sync::Event> Board::wait_for_end(std::string_view repository, std::uint64_t attempt,
                                               Clock::time_point until) {
  std::unique_lock lock(mutex_);
  const auto ended = [&]() -> const sync::Event* {
    const auto place = records_.find(repository);
    const bool there = place != records_.end() && place->second.last_end && place->second.last_end->attempt >= attempt;
    return there ? &*place->second.last_end : nullptr;
  };
  ++waiting_;
  changed_.wait_until(lock, until, [&] { return stopped_ || ended() != nullptr; });
  --waiting_;
  const sync::Event* const event = ended();
  return event != nullptr ? std::optional(*event) : std::nullopt;
}

std::vector<OutcomeRun> Board::outcomes(std::string_view repository) const {
  const std::lock_guard lock(mutex_);
  const auto place = records_.find(repository);
  if (place == records_.end()) {
    return {};
  }
  return {place->second.runs.begin(), place->second.runs.end()};
}

}  // namespace adapter::admin
