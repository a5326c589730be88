// SPDX-License-Identifier: Apache-2.0
#include "exchange.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <optional>
#include <utility>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"

namespace adapter::net {

using std::chrono::steady_clock;

namespace {

/// How long one answer may be worked on before everybody else has a turn.
constexpr std::chrono::milliseconds longest_turn{2};

}  // namespace

Buffers::Buffer Buffers::take() {
  if (kept_.empty()) {
    return std::make_unique_for_overwrite<char[]>(size_bytes);
  }
  Buffer buffer = std::move(kept_.back());
  kept_.pop_back();
  return buffer;
}

void Buffers::give_back(Buffer buffer) {
  if (buffer && kept_.size() < max_kept) {
    kept_.push_back(std::move(buffer));
  }
}

Exchange::Exchange(ConnectionPool::Lease lease, const Deadlines& deadlines, std::shared_ptr<Buffers> buffers)
    : lease_(std::move(lease)),
      deadlines_(deadlines),
      buffers_(std::move(buffers)),
      buffer_(buffers_->take()),
      low_speed_left_(deadlines.low_speed_window) {}

Exchange::~Exchange() {
  buffers_->give_back(std::move(buffer_));
}

asio::awaitable<void> Exchange::begin(std::string_view message) {
  lease_.stream->set_deadline(steady_clock::now() + deadlines_.write, "send request");
  co_await lease_.stream->write(message);
  lease_.stream->set_deadline(steady_clock::now() + deadlines_.first_byte, "wait for answer");
  while (!parser_.head_complete()) {
    if (begin_ == end_) {
      const bool more = co_await fill();
      if (!more) {
        throw *parser_.end_of_stream();
      }
    }
    early_body_ = parse();
  }
  if (parser_.done()) {
    finish();
  }
}

asio::awaitable<std::string_view> Exchange::read_body() {
  std::string_view body = std::exchange(early_body_, std::string_view());
  while (body.empty() && !finished_) {
    if (begin_ == end_) {
      const bool more = co_await fill_body();
      if (!more) {
        if (auto failure = parser_.end_of_stream()) {
          lease_.end();
          throw Error(std::move(*failure));
        }
        finish();
        break;
      }
    }
    body = parse();
    if (parser_.done()) {
      finish();
    }
  }
  co_return body;
}

asio::awaitable<bool> Exchange::fill() {
  const auto now = steady_clock::now();
  if (now - turn_began_ >= longest_turn) {
    // A peer that sends faster than its bytes are looked at would keep the loop for itself: no read would ever wait.
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    turn_began_ = steady_clock::now();
  }
  const std::span<char> room(buffer_.get(), Buffers::size_bytes);
  const std::size_t count = co_await lease_.stream->read_some(room);
  begin_ = 0;
  end_ = count;
  answered_ = answered_ || count > 0;
  co_return count > 0;
}

/// The time between calls, when the receiver is busy with what it has, does not count as the peer being slow.
asio::awaitable<bool> Exchange::fill_body() {
  const auto start = steady_clock::now();
  lease_.stream->set_deadline(start + low_speed_left_, "read answer (less than 1 KiB a second)");
  const bool more = co_await fill();
  low_speed_bytes_ += end_ - begin_;
  const auto window = std::chrono::duration_cast<std::chrono::milliseconds>(deadlines_.low_speed_window);
  const std::uint64_t enough_bytes =
      patient_ ? 1 : low_speed_bytes_per_second * static_cast<std::uint64_t>(window.count()) / 1000;
  if (low_speed_bytes_ >= enough_bytes) {
    low_speed_bytes_ = 0;
    low_speed_left_ = deadlines_.low_speed_window;
  } else {
    low_speed_left_ -= steady_clock::now() - start;
  }
  co_return more;
}

std::string_view Exchange::parse() {
  Result<http::ResponseParser::Step> step = parser_.feed(std::string_view(buffer_.get() + begin_, end_ - begin_));
  if (!step) {
    lease_.end();
    throw Error(std::move(step.error()));
  }
  begin_ += step->consumed;
  return step->body;
}

void Exchange::finish() {
  finished_ = true;
  if (parser_.keep_alive() && begin_ == end_) {
    lease_.give_back();
  } else {
    lease_.end();
  }
}

}  // namespace adapter::net
