// SPDX-License-Identifier: Apache-2.0
#include "process/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::app {
namespace {

using std::chrono::steady_clock;

/// How often a message is offered to a service manager whose queue is full.
constexpr std::chrono::milliseconds offer_again{100};

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  if (!text) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const char* const end = text->data() + text->size();
  const std::from_chars_result result = std::from_chars(text->data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? std::optional(value) : std::nullopt;
}

/// Invalid, with errno, when it cannot be reached.
UniqueFd connect_to(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof(address.sun_path) || (name.front() != '/' && name.front() != '@')) {
    errno = EINVAL;
    return {};
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  socklen_t size = offsetof(sockaddr_un, sun_path) + static_cast<socklen_t>(name.size());
  if (name.front() == '@') {
    address.sun_path[0] = '\0';  // an abstract name: all its bytes count, and no more
  } else {
    ++size;
  }
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface's way
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return {};
  }
  return socket;
}

}  // namespace

ServiceManager::ServiceManager(const asio::any_io_executor& executor, const config::Environment& environment)
    : queued_wakeup_(executor) {
  const std::optional<std::string> name = environment("NOTIFY_SOCKET");
  if (!name || name->empty()) {
    return;
  }
  socket_ = connect_to(*name);
  if (!socket_) {
    log::warning("service_manager_unreachable",
                 storage_error(errno, "reach the service manager at NOTIFY_SOCKET", *name).text());
    return;
  }
  const std::optional<std::uint64_t> period = number(environment("WATCHDOG_USEC"));
  const std::optional<std::uint64_t> pid = number(environment("WATCHDOG_PID"));
  if (period && *period > 0 && (!pid || *pid == static_cast<std::uint64_t>(getpid()))) {
    watchdog_period_ = std::chrono::microseconds(*period);
  }
}

void ServiceManager::ready(std::string_view status) {
  std::string line(status);
  std::replace(line.begin(), line.end(), '\n', ' ');
  send("READY=1\nSTATUS=" + line);
}

void ServiceManager::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds.count()));
}

void ServiceManager::stopping() {
  send("STOPPING=1");
}

asio::awaitable<void> ServiceManager::run() {
  auto next_feed = watchdog_period_ ? steady_clock::now() : steady_clock::time_point::max();
  while (socket_) {
    send_queued();
    const auto now = steady_clock::now();
    if (now >= next_feed) {
      const bool fed = try_send("WATCHDOG=1");
      next_feed = now + (fed ? *watchdog_period_ / 2 : offer_again);
    }
    const auto until = queued_.empty() ? next_feed : std::min(next_feed, now + offer_again);
    co_await queued_wakeup_.wait_until(until);
  }
}

void ServiceManager::send(std::string message) {
  if (!socket_ || (queued_.empty() && try_send(message))) {
    return;
  }
  if (queued_.size() == max_queued) {
    queued_.pop_front();
  }
  queued_.push_back(std::move(message));
  queued_wakeup_.wake();
}

bool ServiceManager::try_send(std::string_view message) noexcept {
  const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS);
}

void ServiceManager::send_queued() {
  while (!queued_.empty() && try_send(queued_.front())) {
    queued_.pop_front();
  }
}

}  // namespace adapter::app
