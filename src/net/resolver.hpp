// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/address.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "adapter/base/error.hpp"

namespace adapter::net {

/// Names to addresses. Loop thread only. Address literals are read without a look-up. A look-up blocks a thread of its
/// own (Asio has a single resolver thread), and nothing waits for that thread at shutdown. Equal names share a look-up;
/// answers are kept for keep_answers.
///
/// At most max_prompt look-ups run at once, the rest queue. A look-up that takes longer than overdue_after makes room
/// for another, so that names whose server is dead do not hold up the others. There are at most max_overdue of those:
/// past them such look-ups keep their place, and a name that was overdue the last time waits until one of them ends.
class Resolver {
public:
  /// Blocks; called on a thread of its own. Errors: class network.
  using Lookup = std::function<Result<std::vector<asio::ip::address>>(const std::string& host)>;

  static constexpr std::size_t max_prompt = 4;
  static constexpr std::size_t max_overdue = 28;
  static constexpr std::chrono::milliseconds usual_overdue_after{1000};
  static constexpr std::size_t max_addresses = 16;     ///< of one name; the rest is dropped
  static constexpr std::size_t max_kept_names = 4096;  ///< over it, all are forgotten
  static constexpr std::chrono::seconds keep_answers{30};

  Resolver(asio::any_io_executor executor, Lookup lookup,
           std::chrono::milliseconds overdue_after = usual_overdue_after);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// At least one address. `limit` counts from now, the time in the queue included. Errors: network (no such name, …),
  /// timeout ("resolve"), operation_aborted.
  asio::awaitable<std::vector<asio::ip::address>> resolve(std::string host, std::chrono::milliseconds limit);

private:
  struct Task;
  /// What a look-up's thread needs to come home, or to learn that there is no home any more.
  struct Home {
    std::mutex mutex;
    Resolver* resolver = nullptr;
  };
  struct Answer {
    std::vector<asio::ip::address> addresses;
    std::chrono::steady_clock::time_point until;
  };

  std::shared_ptr<Task> join_or_begin(const std::string& host);
  void start_next();
  void start(const std::string& host, bool overdue);
  /// Look-ups that have become overdue make room for others.
  void make_room();
  void watch_prompt();
  void finished(const std::string& host, Result<std::vector<asio::ip::address>> result);

  asio::any_io_executor executor_;
  Lookup lookup_;
  std::chrono::milliseconds overdue_after_;
  std::shared_ptr<Home> home_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;  ///< queued and running
  std::deque<std::string> prompt_;                      ///< running and not overdue, the oldest first
  std::size_t overdue_ = 0;                             ///< running
  asio::steady_timer watch_;                            ///< until the oldest of prompt_ is overdue
  std::deque<std::string> queue_;
  std::deque<std::string> slow_queue_;  ///< names in slow_
  std::set<std::string> slow_;          ///< names whose last look-up was overdue
  std::map<std::string, Answer> answers_;
};

/// What the system knows (getaddrinfo). Blocks.
[[nodiscard]] Result<std::vector<asio::ip::address>> system_lookup(const std::string& host);

}  // namespace adapter::net
