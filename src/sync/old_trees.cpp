// SPDX-License-Identifier: Apache-2.0
#include "old_trees.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <utility>

#include "adapter/log/log.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

/// Of one repository, before the next one has its turn.
constexpr std::chrono::seconds slice{2};
constexpr std::size_t max_open_requests = 8;
constexpr std::chrono::milliseconds room_poll{200};

}  // namespace

OldTrees::OldTrees(const asio::any_io_executor& executor, async::Workers& workers)
    : executor_(executor), workers_(workers), wakeup_(executor) {}

void OldTrees::request(const std::filesystem::path& data_dir, const std::string& name) {
  data_dir_ = data_dir;
  Repository& repository = repositories_[name];
  ++repository.requests;
  if (!std::exchange(repository.queued, true)) {
    queue_.push_back(name);
  }
  wakeup_.wake();
}

asio::awaitable<void> OldTrees::run() {
  while (true) {
    while (!queue_.empty()) {
      std::string name = queue_.front();
      queue_.pop_front();
      repositories_[name].queued = false;
      const bool complete = co_await delete_some(name);
      Repository& repository = repositories_[name];
      if (!complete && !std::exchange(repository.queued, true)) {
        queue_.push_back(name);
      }
    }
    if (finishing_) {
      co_return;
    }
    co_await wakeup_.wait_until(steady_clock::time_point::max());
  }
}

void OldTrees::finish() noexcept {
  finishing_ = true;
  wakeup_.wake();
}

/// True when nothing is left that can be deleted.
asio::awaitable<bool> OldTrees::delete_some(std::string name) {
  const std::size_t requests = repositories_[name].requests;
  const std::uint64_t known = repositories_[name].residue_entries;
  async::Workers named(workers_, name);
  publish::OldTreesLeft left;
  try {
    auto job = [data_dir = data_dir_, name, known](const std::stop_token& stop) {
      const steady_clock::time_point until = steady_clock::now() + slice;
      return publish::delete_old_trees(data_dir, name, known,
                                       [&] { return stop.stop_requested() || steady_clock::now() > until; });
    };
    left = co_await async::run_blocking(named, std::move(job), "delete old trees", async::Lane::deletion);
  } catch (const Error& error) {
    left.residue_entries = known;
    log::warning("sweep_failed", "trees that are no longer needed could not be removed; it is tried again later",
                 {{"repository", name}, {"error", error.text()}});
  }
  Repository& repository = repositories_[name];
  repository.residue_entries = left.residue_entries;
  if (left.complete) {
    repository.requests -= requests;  // those that came meanwhile stay open
  }
  co_return left.complete;
}

asio::awaitable<void> OldTrees::wait_for_room(std::string name) {
  while (repositories_[name].requests > max_open_requests) {
    asio::steady_timer timer(executor_, room_poll);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::uint64_t OldTrees::residue_entries(const std::string& name) const {
  const auto place = repositories_.find(name);
  return place == repositories_.end() ? 0 : place->second.residue_entries;
}

}  // namespace adapter::sync
