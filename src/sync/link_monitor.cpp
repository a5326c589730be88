// SPDX-License-Identifier: Apache-2.0
#include "link_monitor.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <mutex>
#include <system_error>

#include "adapter/async/job_list.hpp"
#include "adapter/log/log.hpp"
#include "scoped_pointer.hpp"

namespace adapter::sync {

/// Links, and how far a worker has come with them.
struct LinkMonitor::Round {
  explicit Round(std::vector<WatchedLink> of) : links(std::move(of)) {}

  const std::vector<WatchedLink> links;
  asio::steady_timer* waiter = nullptr;  ///< of the loop, cancelled at the end
  bool has_ended = false;                ///< as the loop knows

  std::mutex mutex;  ///< of all below
  bool has_begun = false;
  std::size_t at = 0;
  bool is_given_up = false;  ///< the worker ends with the link that it looks at
  std::vector<WatchedLink> differing;

  /// False when it was given up before.
  bool begin() {
    const std::lock_guard lock(mutex);
    has_begun = true;
    return !is_given_up;
  }
};

void LinkMonitor::begin(const asio::any_io_executor& executor, std::filesystem::path data_dir,
                        std::shared_ptr<Round> round) {
  auto job = [executor, data_dir = std::move(data_dir), round = std::move(round), look = look_, hanging = hanging_,
              jobs = workers_.jobs()]() mutable {
    {
      const async::JobList::Entry listed(*jobs, std::string(), "look at the links");
      bool goes_on = round->begin();
      for (std::size_t i = 0; i < round->links.size() && goes_on; ++i) {
        WatchedLink seen = round->links[i];
        seen.resolves = look(data_dir, seen);
        const std::lock_guard lock(round->mutex);
        goes_on = !round->is_given_up;
        if (goes_on && seen.resolves != round->links[i].resolves) {
          round->differing.push_back(std::move(seen));
        }
        round->at = i + (goes_on ? 1 : 0);
      }
    }
    auto end = [round = std::move(round), hanging = std::move(hanging)] {
      round->has_ended = true;
      if (round->is_given_up && round->at < round->links.size()) {
        const WatchedLink& link = round->links[round->at];
        hanging->erase(Key(link.repository, link.link));
      }
      if (round->waiter != nullptr) {
        round->waiter->cancel();
      }
    };
    asio::post(executor, std::move(end));
  };
  workers_.post(async::Lane::quick, std::move(job));
}

/// Or until it has looked at one link for longer than the patience.
asio::awaitable<void> LinkMonitor::wait_for_end(std::shared_ptr<Round> round) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  const ScopedPointer shown(round->waiter, timer);
  std::size_t before = static_cast<std::size_t>(-1);  // the first link has its time too
  bool moves = true;
  while (!round->has_ended && moves) {
    timer.expires_after(patience_);
    std::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const std::lock_guard lock(round->mutex);
    if (woken && !round->has_ended) {
      round->is_given_up = true;
      throw asio::system_error(asio::error::operation_aborted);
    }
    moves = !round->has_begun || round->at != std::exchange(before, round->at);
    round->is_given_up = !moves && !round->has_ended && round->at < round->links.size();
  }
}

asio::awaitable<std::vector<WatchedLink>> LinkMonitor::look_at(std::filesystem::path data_dir,
                                                               std::vector<WatchedLink> links) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::erase_if(links, [this](const WatchedLink& link) { return hanging_->contains(Key(link.repository, link.link)); });
  std::vector<WatchedLink> differing;
  while (!links.empty()) {
    const auto round = std::make_shared<Round>(std::move(links));
    links.clear();
    begin(executor, data_dir, round);
    co_await wait_for_end(round);
    const std::lock_guard lock(round->mutex);
    differing.insert(differing.end(), round->differing.begin(), round->differing.end());
    if (round->is_given_up) {
      const WatchedLink& stuck = round->links[round->at];
      hanging_->insert(Key(stuck.repository, stuck.link));
      log::warning("link_hangs", "the directory of a link does not answer; check the mount that it is on",
                   {{"repository", stuck.repository}, {"link", stuck.link}});
      links.assign(round->links.begin() + static_cast<std::ptrdiff_t>(round->at) + 1, round->links.end());
    }
  }
  co_return differing;
}

}  // namespace adapter::sync
