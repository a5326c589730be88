// SPDX-License-Identifier: Apache-2.0
#include "broad_questions.hpp"

#include <asio/co_spawn.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <exception>

#include "adapter/async/compat.hpp"
#include "adapter/base/error.hpp"

namespace adapter::sync {
namespace {

constexpr std::size_t samples_per_window = 10;

Error ended_for_another_question() {
  return Error(ErrorClass::timeout,
               "the list of all refs was given up: less than 64 KiB a second of it arrived for 10 s while another "
               "repository waited to ask for one; it is tried again");
}

}  // namespace

BroadQuestions::BroadQuestions(asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)), options_(options), places_(executor_, options.most) {}

asio::awaitable<BroadQuestions::Turn> BroadQuestions::acquire(std::string host) {
  std::erase_if(hosts_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<async::Semaphore>& known = hosts_[host];
  std::shared_ptr<async::Semaphore> turns = known.lock();
  if (turns == nullptr) {
    turns = std::make_shared<async::Semaphore>(executor_, 1);
    known = turns;
  }
  async::Semaphore::Permit permit = co_await turns->acquire();
  co_return Turn(std::move(turns), std::move(permit));
}

asio::awaitable<BroadQuestions::Refs> BroadQuestions::run(const Turn& turn, Place place,
                                                          const transport::Remote& remote,
                                                          asio::awaitable<Refs> question) {
  const auto executor = co_await asio::this_coro::executor;
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, std::move(question), async::compat::deferred),
      asio::co_spawn(executor, until_slow(turn, remote), async::compat::deferred));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  place.release();
  auto& [order, failure, refs, watch_failure] = reply;
  if (order[0] == 1 && !watch_failure) {
    throw ended_for_another_question();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  co_return std::move(refs);
}

/// Returns when the question is slow and another one waits. What other requests to the remote receive counts too.
asio::awaitable<void> BroadQuestions::until_slow(const Turn& turn, const transport::Remote& remote) const {
  const std::uint64_t least_bytes =
      options_.slow_bytes_per_second * static_cast<std::uint64_t>(options_.window.count()) / 1000;
  std::array<std::uint64_t, samples_per_window> received{};  // as it was one window ago at the most, in a circle
  received.fill(remote.received_bytes());
  asio::steady_timer timer(executor_);
  for (std::size_t sample = 0;; ++sample) {
    timer.expires_after(options_.window / samples_per_window);
    co_await timer.async_wait(asio::use_awaitable);
    std::uint64_t& oldest = received.at(sample % samples_per_window);
    const std::uint64_t now = remote.received_bytes();
    const bool is_slow = sample + 1 >= samples_per_window && now - oldest < least_bytes;
    if (is_slow && is_waited_for(turn)) {
      co_return;
    }
    oldest = now;
  }
}

bool BroadQuestions::is_waited_for(const Turn& turn) const noexcept {
  return places_.waiting() > 0 || turn.host_->waiting() > 0;
}

}  // namespace adapter::sync
