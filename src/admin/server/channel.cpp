// SPDX-License-Identifier: Apache-2.0
#include "server/channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace adapter::admin {
namespace {

/// False when the time was up.
bool wait_for(int fd, short events, Channel::Clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Channel::Clock::now()).count();
    if (left <= 0) {
      return false;
    }
    pollfd item{fd, events, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) {
      return true;  // an error is met by the call that follows
    }
  }
}

bool would_block() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

Channel::Outcome Channel::receive(std::size_t limit_bytes) {
  std::array<char, 16384> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
  while (true) {
    const ssize_t got = ::recv(socket_.get(), part.data(), std::min(part.size(), limit_bytes), 0);
    if (got > 0) {
      buffer_.append(part.data(), static_cast<std::size_t>(got));
      return Outcome::ok;
    }
    if (got == 0) {
      return Outcome::ended;
    }
    if (errno != EINTR) {
      return would_block() ? Outcome::none : Outcome::ended;
    }
  }
}

Channel::Outcome Channel::read(char* to, std::size_t size, Clock::time_point until, std::size_t& got) {
  got = 0;
  if (!buffer_.empty()) {
    got = std::min(size, buffer_.size());
    std::memcpy(to, buffer_.data(), got);
    buffer_.erase(0, got);
    return Outcome::ok;
  }
  while (true) {
    const ssize_t count = ::recv(socket_.get(), to, size, 0);
    if (count > 0) {
      got = static_cast<std::size_t>(count);
      return Outcome::ok;
    }
    if (count == 0 || (errno != EINTR && !would_block())) {
      return Outcome::ended;
    }
    if (would_block() && !wait_for(socket_.get(), POLLIN, until)) {
      return Outcome::timed_out;
    }
  }
}

Channel::Outcome Channel::write(std::string_view bytes, Clock::time_point until) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR && !would_block()) {
      return Outcome::ended;
    } else if (would_block() && !wait_for(socket_.get(), POLLOUT, until)) {
      return Outcome::timed_out;
    }
  }
  return Outcome::ok;
}

bool Channel::has_room() {
  pollfd item{socket_.get(), POLLOUT, 0};
  return ::poll(&item, 1, 0) > 0;
}

bool Channel::ended() {
  char byte = 0;
  const ssize_t count = ::recv(socket_.get(), &byte, 1, MSG_PEEK);
  return count == 0 || (count < 0 && errno != EINTR && !would_block());
}

void Channel::shut_down() noexcept {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

void Channel::finish_writing() noexcept {
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace adapter::admin
