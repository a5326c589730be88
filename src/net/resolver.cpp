// SPDX-License-Identifier: Apache-2.0
#include "resolver.hpp"

#include <asio/error.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "adapter/async/timeout.hpp"
#include "adapter/base/text.hpp"

namespace adapter::net {
namespace {

using Addresses = std::vector<asio::ip::address>;

std::optional<asio::ip::address> to_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    asio::ip::address_v6::bytes_type bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return asio::ip::address_v6(bytes, v6.sin6_scope_id);
  }
  return std::nullopt;
}

}  // namespace

Result<Addresses> system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    const std::string reason =
        status == EAI_SYSTEM ? std::system_category().message(errno) : std::string(gai_strerror(status));
    return Error(ErrorClass::network, "cannot resolve " + escape(host) + ": " + reason);
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* entry = list; entry != nullptr && addresses.size() < Resolver::max_addresses;
       entry = entry->ai_next) {
    const auto address = to_address(entry->ai_addr);
    if (address && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  if (addresses.empty()) {
    return Error(ErrorClass::network, "cannot resolve " + escape(host) + ": the name has no address");
  }
  return addresses;
}

struct Resolver::Task {
  explicit Task(const asio::any_io_executor& executor) : done(executor) {
    done.expires_at(asio::steady_timer::time_point::max());
  }
  std::optional<Result<Addresses>> result;
  asio::steady_timer done;  ///< waited for by all who asked for this name; cancelled when the result is there
  std::chrono::steady_clock::time_point began;
  bool overdue = false;
};

Resolver::Resolver(asio::any_io_executor executor, Lookup lookup, std::chrono::milliseconds overdue_after)
    : executor_(std::move(executor)),
      lookup_(std::move(lookup)),
      overdue_after_(overdue_after),
      home_(std::make_shared<Home>()),
      watch_(executor_) {
  home_->resolver = this;
}

Resolver::~Resolver() {
  const std::lock_guard lock(home_->mutex);
  home_->resolver = nullptr;
}

asio::awaitable<Addresses> Resolver::resolve(std::string host, std::chrono::milliseconds limit) {
  std::error_code not_literal;
  const auto literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    co_return Addresses(1, literal);
  }
  const auto known = answers_.find(host);
  if (known != answers_.end() && known->second.until > std::chrono::steady_clock::now()) {
    co_return known->second.addresses;
  }
  const std::shared_ptr<Task> task = join_or_begin(host);
  asio::steady_timer deadline(executor_);
  deadline.expires_after(limit);
  auto done = task->done.async_wait(async::compat::deferred);
  auto expired = deadline.async_wait(async::compat::deferred);
  // NOLINTNEXTLINE(performance-move-const-arg): other versions of Asio have something to move here
  auto group = asio::experimental::make_parallel_group(std::move(done), std::move(expired));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  auto& [order, done_error, deadline_error] = reply;
  const bool timed_out = order[0] == 1 && !deadline_error;
  if (task->result) {
    co_return task->result->value();
  }
  if (timed_out) {
    throw async::timeout_error("resolve of " + escape(host), limit);
  }
  throw asio::system_error(asio::error::operation_aborted);
}

std::shared_ptr<Resolver::Task> Resolver::join_or_begin(const std::string& host) {
  const auto running = tasks_.find(host);
  if (running != tasks_.end()) {
    return running->second;
  }
  auto task = std::make_shared<Task>(executor_);
  tasks_.emplace(host, task);
  (slow_.contains(host) ? slow_queue_ : queue_).push_back(host);
  start_next();
  return task;
}

void Resolver::start_next() {
  while (prompt_.size() < max_prompt && !queue_.empty()) {
    const std::string host = std::move(queue_.front());
    queue_.pop_front();
    start(host, false);
  }
  while (overdue_ < max_overdue && !slow_queue_.empty()) {
    const std::string host = std::move(slow_queue_.front());
    slow_queue_.pop_front();
    start(host, true);
  }
  watch_prompt();
}

void Resolver::start(const std::string& host, bool overdue) {
  Task& task = *tasks_.at(host);
  task.began = std::chrono::steady_clock::now();
  task.overdue = overdue;
  if (overdue) {
    ++overdue_;
  } else {
    prompt_.push_back(host);
  }
  // The thread may outlive the loop: it owns nothing that belongs to it.
  const auto bring_home = [host, home = home_](Result<Addresses> found) {
    auto result = std::make_shared<Result<Addresses>>(std::move(found));
    const std::lock_guard lock(home->mutex);
    if (home->resolver != nullptr) {
      asio::post(home->resolver->executor_, [host, home, result] {
        if (home->resolver != nullptr) {
          home->resolver->finished(host, std::move(*result));
        }
      });
    }
  };
  const auto work = [host, bring_home, lookup = lookup_] { bring_home(lookup(host)); };
  try {
    std::thread(work).detach();
  } catch (const std::system_error& error) {
    bring_home(Error(ErrorClass::network, "cannot start a look-up of " + escape(host) + ": " + error.what()));
  }
}

void Resolver::make_room() {
  const auto latest = std::chrono::steady_clock::now() - overdue_after_;
  while (!prompt_.empty() && overdue_ < max_overdue) {
    Task& oldest = *tasks_.at(prompt_.front());
    if (oldest.began > latest) {
      break;
    }
    oldest.overdue = true;
    slow_.insert(prompt_.front());
    prompt_.pop_front();
    ++overdue_;
  }
  start_next();
}

void Resolver::watch_prompt() {
  if (queue_.empty() || prompt_.empty() || overdue_ >= max_overdue) {
    watch_.cancel();
    return;
  }
  watch_.expires_at(tasks_.at(prompt_.front())->began + overdue_after_);
  watch_.async_wait([home = home_](const std::error_code& error) {
    if (!error && home->resolver != nullptr) {
      home->resolver->make_room();
    }
  });
}

void Resolver::finished(const std::string& host, Result<Addresses> result) {
  const auto place = tasks_.find(host);
  const std::shared_ptr<Task> task = place->second;
  tasks_.erase(place);
  if (task->overdue) {
    --overdue_;
  } else {
    std::erase(prompt_, host);
  }
  const auto now = std::chrono::steady_clock::now();
  if (answers_.size() >= max_kept_names) {
    answers_.clear();
  }
  if (slow_.size() >= max_kept_names) {
    slow_.clear();
  }
  if (now - task->began < overdue_after_) {
    slow_.erase(host);
  } else {
    slow_.insert(host);
  }
  answers_.erase(host);
  if (result.has_value()) {
    answers_.emplace(host, Answer{*result, now + keep_answers});
  }
  task->result.emplace(std::move(result));
  task->done.cancel();
  start_next();
}

}  // namespace adapter::net
