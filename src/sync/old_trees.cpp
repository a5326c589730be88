// SPDX-License-Identifier: Apache-2.0
#include "old_trees.hpp"

#include <asio/co_spawn.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "adapter/async/compat.hpp"
#include "adapter/base/volume_layout.hpp"
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
constexpr std::chrono::milliseconds room_poll{100};

OldTrees::Slice delete_for(const std::filesystem::path& data_dir, const std::string& name, OldTrees::Slice slice,
                           steady_clock::time_point retry_at, const std::stop_token& stop,
                           steady_clock::time_point until) {
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
    : OldTrees(executor, workers, delete_for) {}

OldTrees::OldTrees(const asio::any_io_executor& executor, async::Workers& workers, DeleteSlice delete_slice)
    : executor_(executor),
      workers_(workers),
      delete_slice_(std::move(delete_slice)),
      short_line_(executor),
      long_line_(executor) {}

OldTrees::Line& OldTrees::line_of(const std::string& name) {
  return repositories_[name].slice > first_slice ? long_line_ : short_line_;
}

bool OldTrees::is_idle() const noexcept {
  return !short_line_.busy && !long_line_.busy && short_line_.queue.empty() && long_line_.queue.empty();
}

void OldTrees::wake() noexcept {
  short_line_.wakeup.wake();
  long_line_.wakeup.wake();
}

void OldTrees::request(const std::filesystem::path& data_dir, const std::string& name) {
  data_dir_ = data_dir;
  ++repositories_[name].requests;
  enqueue(name);
}

void OldTrees::enqueue(const std::string& name) {
  if (!repositories_[name].held && !std::exchange(repositories_[name].queued, true)) {
    Line& line = line_of(name);
    line.queue.push_back(name);
    line.wakeup.wake();
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
  for (auto& [name, repository] : repositories_) {
    repository.running.reset();
    if (repository.requests > 0) {
      enqueue(name);  // where the run before this one failed
    }
  }
  short_line_.busy = false;
  long_line_.busy = false;
  auto short_work = asio::co_spawn(executor_, work(short_line_), async::compat::deferred);
  auto long_work = asio::co_spawn(executor_, work(long_line_), async::compat::deferred);
  auto both = asio::experimental::make_parallel_group(std::move(short_work), std::move(long_work));
  auto reply = co_await both.async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
  const auto& [order, short_failure, long_failure] = reply;
  const std::exception_ptr& first = order[0] == 0 ? short_failure : long_failure;
  const std::exception_ptr& second = order[0] == 0 ? long_failure : short_failure;
  if (first || second) {
    std::rethrow_exception(first ? first : second);
  }
}

asio::awaitable<void> OldTrees::work(Line& line) {
  while (true) {
    enqueue_due();
    while (!line.queue.empty()) {
      std::string name = line.queue.front();
      line.queue.pop_front();
      repositories_[name].queued = false;
      if (repositories_[name].held) {
        continue;
      }
      if (&line_of(name) != &line) {
        enqueue(name);  // its slice has changed since
        continue;
      }
      line.busy = true;
      co_await delete_some(std::move(name));
      line.busy = false;
      enqueue_due();
    }
    if (finishing_ && is_idle()) {
      wake();  // the other line ends too
      co_return;
    }
    const steady_clock::time_point next = next_time();
    co_await line.wakeup.wait_until(next);
  }
}

void OldTrees::finish() noexcept {
  finishing_ = true;
  wake();
}

asio::awaitable<void> OldTrees::delete_some(std::string name) {
  const std::size_t requests = repositories_[name].requests;
  async::Workers named(workers_, name);
  Slice slice;
  slice.residue = repositories_[name].residue;
  const steady_clock::time_point retry_at = repositories_[name].retry_residue_at;
  std::stop_source& running = repositories_[name].running.emplace();
  auto job = [delete_slice = delete_slice_, data_dir = data_dir_, name, retry_at, slice, either = running,
              length = repositories_[name].slice](const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [&either] { (void)either.request_stop(); });
    return delete_slice(data_dir, name, slice, retry_at, either.get_token(), steady_clock::now() + length);
  };
  bool failed = false;
  try {
    slice = co_await async::run_blocking(named, std::move(job), "delete old trees", async::Lane::deletion);
  } catch (const Error& error) {
    failed = true;
    const std::string repository = name == volume::retired_repositories ? "" : name;
    log::warning("sweep_failed", "what is no longer needed could not be removed; it is tried again later",
                 {{"repository", repository}, {"error", error.text()}});
  }
  const steady_clock::time_point now = steady_clock::now();
  Repository& repository = repositories_[name];
  repository.running.reset();
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

asio::awaitable<void> OldTrees::wait_until_deleted(std::string name) {
  while (repositories_[name].requests > 0 && repositories_[name].pause == steady_clock::duration::zero()) {
    asio::steady_timer timer(executor_, room_poll);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

OldTrees::Hold::Hold(OldTrees& old_trees, std::string name) : old_trees_(old_trees), name_(std::move(name)) {
  Repository& repository = old_trees_.repositories_[name_];
  repository.held = true;
  if (repository.running) {
    repository.running->request_stop();
  }
}

OldTrees::Hold::~Hold() {
  old_trees_.repositories_[name_].held = false;
  old_trees_.enqueue(name_);
}

asio::awaitable<void> OldTrees::Hold::wait_for_end_of_slice() {
  while (old_trees_.repositories_[name_].running) {
    asio::steady_timer timer(old_trees_.executor_, room_poll);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::uint64_t OldTrees::residue_entries(const std::string& name) const {
  const auto place = repositories_.find(name);
  return place == repositories_.end() ? 0 : place->second.residue.entries;
}

}  // namespace adapter::sync
