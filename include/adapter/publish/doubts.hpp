// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace adapter::publish {

/// Paths below data_dir whose last sync failed. The kernel may have dropped the pages, so that a second sync succeeds
/// and proves nothing: what lies there has to be written anew. All publishers of a process share one, because that
/// holds for as long as the process lives, whatever configuration comes and goes. They take turns at links there too.
/// Any thread.
class Doubts {
public:
  /// The right to change a link; given back by its destructor. What decides whether the link may be changed, a stop for
  /// one, is asked in the turn: a link that a reload gave to another repository is changed by its new owner after the
  /// last job of the former one, or that job sees the stop.
  class Turn {
  public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

  private:
    friend class Doubts;
    Turn(Doubts& owner, std::string link) : owner_(&owner), link_(std::move(link)) {}
    Doubts* owner_;
    std::string link_;
  };
  /// Waits for the turn; `link` is relative to data_dir. Throws cancelled when a stop is requested.
  [[nodiscard]] Turn turn_at(const std::string& link, const std::stop_token& stop);

  void add(const std::string& path);
  void remove(const std::string& path);
  [[nodiscard]] bool has(const std::string& path) const;

private:
  mutable std::mutex mutex_;
  std::set<std::string> paths_;
  std::condition_variable_any turn_ended_;
  std::set<std::string> changing_;  ///< links whose turn is taken
};

}  // namespace adapter::publish
