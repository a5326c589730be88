// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "adapter/base/file.hpp"

namespace adapter::admin {

/// A client's socket, which does not block, with what was received and not yet used. One thread at a time.
class Channel {
public:
  using Clock = std::chrono::steady_clock;

  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  enum class Outcome : std::uint8_t { ok, none, ended, timed_out };

  /// Adds what has arrived to buffer(), without waiting; at most `limit_bytes`.
  Outcome receive(std::size_t limit_bytes);
  /// Waits for some bytes of the buffer or the socket and copies up to `size` of them.
  Outcome read(char* to, std::size_t size, Clock::time_point until, std::size_t& got);
  /// Writes all of it.
  Outcome write(std::string_view bytes, Clock::time_point until);
  /// There is room for a short answer: the peer has read most of what it was sent before. Does not block.
  [[nodiscard]] bool has_room();
  /// The peer has closed its side, and all it sent was used.
  [[nodiscard]] bool ended();

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
  /// Ends what any thread waits for on it.
  void shut_down() noexcept;
  /// No more is written; the peer learns that.
  void finish_writing() noexcept;

private:
  UniqueFd socket_;
  std::string buffer_;
};

}  // namespace adapter::admin
