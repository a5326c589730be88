// SPDX-License-Identifier: Apache-2.0
#include "broad_questions.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "peer_rate.hpp"
#include "watched_question.hpp"

namespace adapter::sync {
namespace {

constexpr int looks_per_window = 10;

Error ended_for_another_question() {
  return Error(ErrorClass::timeout,
               "the list of all refs was given up: less than 64 KiB a second of it arrived for 10 s while another "
               "repository waited to ask for one; it is tried again");
}

}  // namespace

BroadQuestions::BroadQuestions(asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)), options_(options), hosts_(executor_, 1), places_(executor_, options.most) {}

asio::awaitable<BroadQuestions::Refs> BroadQuestions::run(const Turn& turn, Place place,
                                                          const transport::Remote& remote,
                                                          asio::awaitable<Refs> question) {
  auto end = until_slow(turn, remote);
  Refs refs = co_await run_until(std::move(question), std::move(end));
  place.release();
  co_return refs;
}

/// Returns when the question is slow and another one waits. What other requests to the remote receive counts too.
asio::awaitable<std::optional<Error>> BroadQuestions::until_slow(const Turn& turn,
                                                                 const transport::Remote& remote) const {
  PeerRate rate(std::chrono::steady_clock::now(), options_.window);
  std::uint64_t before = remote.received_bytes();
  asio::steady_timer timer(executor_);
  while (true) {
    timer.expires_after(options_.window / looks_per_window);
    co_await timer.async_wait(asio::use_awaitable);
    const auto now = std::chrono::steady_clock::now();
    const std::uint64_t received = remote.received_bytes();
    rate.received(received - std::exchange(before, received), now);
    const bool is_slow = rate.has_whole_window(now) && rate.bytes_per_second(now) < options_.slow_bytes_per_second;
    if (is_slow && (places_.waiting() > 0 || turn.is_waited_for())) {
      co_return ended_for_another_question();
    }
  }
}

}  // namespace adapter::sync
