// SPDX-License-Identifier: Apache-2.0
#include "old_trees.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "adapter/log/log.hpp"
#include "adapter/publish/publisher.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes longest_slice{10};
/// After a failure, doubled with each one that follows.
constexpr std::chrono::seconds first_pause{10};
constexpr std::chrono::minutes longest_pause{10};
/// What cannot be removed is looked at again after this many times as long as the last look took.
constexpr int residue_pause = 100;
constexpr std::size_t max_open_requests = 8;
constexpr std::chrono::milliseconds room_poll{200};

/// What one job knows and did.
struct Slice {
  publish::KnownResidue residue;
  publish::Deletion trees;
  publish::Deletion retry;
  std::optional<steady_clock::duration> retry_took;
};

Slice delete_for(const std::filesystem::path& data_dir, const std::string& name, Slice slice,
                 steady_clock::time_point retry_at, const std::stop_token& stop, steady_clock::time_point until) {
  const auto give_up = [&] { return stop.stop_requested() || steady_clock::now() > until; };
  slice.trees = publish::delete_old_trees(data_dir, name, slice.residue, give_up);
  const steady_clock::time_point began = steady_clock::now();
  if (slice.trees.complete && began >= retry_at) {
    slice.retry = publish::retry_residue(data_dir, name, slice.residue, give_up);
    slice.retry_took = steady_clock::now() - began;
  }
  return slice;
}

}  // namespace

OldTrees::OldTrees(const asio::any_io_executor& executor, async::Workers& workers)
    : executor_(executor), workers_(workers), wakeup_(executor) {}

void OldTrees::request(const std::filesystem::path& data_dir, const std::string& name) {
  data_dir_ = data_dir;
  ++repositories_[name].requests;
  enqueue(name);
  wakeup_.wake();
}

void OldTrees::enqueue(const std::string& name) {
  if (!std::exchange(repositories_[name].queued, true)) {
    queue_.push_back(name);
  }
}

void OldTrees::enqueue_due() {
  const steady_clock::time_point now = steady_clock::now();
  for (auto& [name, repository] : repositories_) {
    if (repository.again_at <= now) {
      repository.again_at = never;
      enqueue(name);
    }
  }
}

steady_clock::time_point OldTrees::next_time() const {
  steady_clock::time_point next = never;
  for (const auto& [name, repository] : repositories_) {
    next = std::min(next, repository.again_at);
  }
  return next;
}

asio::awaitable<void> OldTrees::run() {
  for (const auto& [name, repository] : repositories_) {
    if (repository.requests > 0) {
      enqueue(name);  // where the run before this one failed
    }
  }
  while (true) {
    enqueue_due();
    while (!queue_.empty()) {
      std::string name = queue_.front();
      queue_.pop_front();
      repositories_[name].queued = false;
      co_await delete_some(std::move(name));
      enqueue_due();
    }
    if (finishing_) {
      co_return;
    }
    const steady_clock::time_point next = next_time();
    co_await wakeup_.wait_until(next);
  }
}

void OldTrees::finish() noexcept {
  finishing_ = true;
  wakeup_.wake();
}

asio::awaitable<void> OldTrees::delete_some(std::string name) {
  const std::size_t requests = repositories_[name].requests;
  async::Workers named(workers_, name);
  Slice slice;
  slice.residue = repositories_[name].residue;
  const steady_clock::time_point retry_at = repositories_[name].retry_residue_at;
  auto job = [data_dir = data_dir_, name, retry_at, slice,
              length = repositories_[name].slice](const std::stop_token& stop) {
    return delete_for(data_dir, name, slice, retry_at, stop, steady_clock::now() + length);
  };
  bool failed = false;
  try {
    slice = co_await async::run_blocking(named, std::move(job), "delete old trees", async::Lane::deletion);
  } catch (const Error& error) {
    failed = true;
    log::warning("sweep_failed", "trees that are no longer needed could not be removed; it is tried again later",
                 {{"repository", name}, {"error", error.text()}});
  }
  const steady_clock::time_point now = steady_clock::now();
  Repository& repository = repositories_[name];
  repository.residue = std::move(slice.residue);
  if (slice.trees.complete) {
    repository.requests -= requests;  // those that came meanwhile stay open
    repository.is_behind = repository.is_behind && repository.requests > 0;
  }
  if (failed) {
    repository.pause = std::clamp<steady_clock::duration>(2 * repository.pause, first_pause, longest_pause);
    repository.again_at = now + repository.pause;
    co_return;
  }
  repository.pause = {};
  if (!slice.trees.complete || !slice.retry.complete) {
    if (slice.trees.complete ? slice.retry.mostly_looked : slice.trees.mostly_looked) {
      repository.slice = std::min<steady_clock::duration>(2 * repository.slice, longest_slice);
    }
    enqueue(name);
    co_return;
  }
  repository.slice = first_slice;
  if (slice.retry_took) {
    repository.retry_residue_at = now + residue_pause * *slice.retry_took;
  }
  repository.again_at = repository.residue.entries > 0 || !repository.residue.stuck.empty()
                            ? std::max(repository.retry_residue_at, now + longest_pause)
                            : never;
}

asio::awaitable<void> OldTrees::wait_for_room(std::string name, std::chrono::milliseconds limit) {
  const steady_clock::time_point until = steady_clock::now() + limit;
  while (repositories_[name].requests > max_open_requests) {
    if (steady_clock::now() >= until) {
      if (!std::exchange(repositories_[name].is_behind, true)) {
        log::warning("deletion_behind",
                     "old trees are deleted more slowly than new ones are written, and take room on the volume",
                     {{"repository", name}, {"count", repositories_[name].requests}});
      }
      co_return;
    }
    asio::steady_timer timer(executor_, room_poll);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::uint64_t OldTrees::residue_entries(const std::string& name) const {
  const auto place = repositories_.find(name);
  return place == repositories_.end() ? 0 : place->second.residue.entries;
}

}  // namespace adapter::sync
