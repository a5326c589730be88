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
#include <string>
#include <vector>

#include "adapter/base/error.hpp"

namespace adapter::net {

/// Names to addresses. Loop thread only. Address literals are read without a look-up. A look-up blocks a thread of its
/// own: one slow name server does not hold up other names (Asio has a single resolver thread), and at shutdown nobody
/// waits for it. At most max_lookups run at once, the rest queue; equal names share a look-up; answers are kept for
/// keep_answers.
class Resolver {
public:
  /// Blocks; called on a thread of its own. Errors: class network.
  using Lookup = std::function<Result<std::vector<asio::ip::address>>(const std::string& host)>;

  static constexpr std::size_t max_lookups = 4;
  static constexpr std::size_t max_addresses = 16;     ///< of one name; the rest is dropped
  static constexpr std::size_t max_kept_names = 4096;  ///< over it, all are forgotten
  static constexpr std::chrono::seconds keep_answers{30};

  Resolver(asio::any_io_executor executor, Lookup lookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// At least one address. Errors: network (no such name, …), timeout ("resolve"), operation_aborted.
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
  void finished(const std::string& host, Result<std::vector<asio::ip::address>> result);

  asio::any_io_executor executor_;
  Lookup lookup_;
  std::shared_ptr<Home> home_;
  std::size_t running_ = 0;
  std::map<std::string, std::shared_ptr<Task>> tasks_;
  std::deque<std::string> queue_;
  std::map<std::string, Answer> answers_;
};

/// What the system knows (getaddrinfo). Blocks.
[[nodiscard]] Result<std::vector<asio::ip::address>> system_lookup(const std::string& host);

}  // namespace adapter::net
