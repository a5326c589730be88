// SPDX-License-Identifier: Apache-2.0
// How a RepositoryTask makes whole what was published: as a check begins, and apart from checks.
#include <asio/cancellation_state.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/log/log.hpp"
#include "old_trees.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

/// How soon a link that could not be made again is tried again while an attempt waits.
constexpr std::chrono::seconds relink_interval{2};

}  // namespace

/// Makes whole what was removed or edited, before the remote is asked: that works without it too.
asio::awaitable<void> RepositoryTask::heal() {
  bool whole = !recovery_due_;
  if (whole && machine_.published()) {
    whole = co_await link_is_intact(machine_.published()->commit);
  }
  if (whole) {
    if (reopen_store_) {
      co_await store_->open();
      reopen_store_ = false;
    }
    co_return;
  }
  co_await recover();
  reopen_store_ = false;
}

/// What it took out of use is deleted, also where it fails, at a link that is blocked for one.
asio::awaitable<void> RepositoryTask::recover() {
  std::exception_ptr failure;
  try {
    co_await recover_tree();
  } catch (...) {
    failure = std::current_exception();
  }
  shared_.old_trees.request(data_dir_, repository_.name);
  if (failure) {
    std::rethrow_exception(failure);
  }
}

/// On a worker: a volume may hang in a look. Throws storage when something foreign is at the link's path.
asio::awaitable<bool> RepositoryTask::link_is_intact(ObjectId commit) {
  auto job = [this, commit](const std::stop_token&) { return publisher_->link_is_intact(commit); };
  const bool intact = co_await async::run_blocking(workers_, std::move(job), "look at the link", async::Lane::quick);
  co_return intact;
}

/// The same as a check begins with, at a time when the remote is not to be asked.
asio::awaitable<void> RepositoryTask::heal_apart() {
  machine_.begin_healing();
  reporter_.healing_began(Now::read());
  const Phase before = machine_.phase();
  auto step = heal();
  const std::optional<Error> error = co_await guarded(std::move(step));
  if (error) {
    co_return;
  }
  machine_.enter(before);
  const std::optional<Failure> healed = machine_.failure();
  if (machine_.end_healing()) {
    reporter_.recovered(healed.value(), "the link and its tree are whole again", Now::read());
  }
  if (!machine_.published()) {
    machine_.poke(Now::read());  // it could not be made again from what is stored
  }
}

asio::awaitable<void> RepositoryTask::take_publisher() {
  if (!publisher_permit_) {
    publisher_permit_ = co_await publisher_turn_.acquire();
  }
}

/// Makes a link again that is lost while an attempt waits, for a remote that drips or for others: at once, and again as
/// long as it is lost. Where the tree is lost too, the attempt ends: only recovery makes that again.
asio::awaitable<void> RepositoryTask::keep_link() {
  std::string told;
  while (true) {
    const auto again = link_resolves() ? steady_clock::time_point::max() : steady_clock::now() + relink_interval;
    co_await link_lost_.wait_until(again);
    const async::Semaphore::Permit turn = co_await publisher_turn_.acquire();
    if (link_resolves() || recovery_due_ || !machine_.published()) {
      told.clear();
      continue;
    }
    const ObjectId commit = machine_.published()->commit;
    std::exception_ptr failure;
    try {
      co_await relink_beside(commit);
    } catch (const publish::LostTree&) {
      machine_.heal_soon(Now::read());
      if (tree_lost_ != nullptr) {
        tree_lost_->wake();
      }
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) {
      continue;
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      std::rethrow_exception(failure);
    }
    const Error error = as_error(failure);
    if (std::exchange(told, error.text()) != error.text()) {
      log::warning("not_rebuilt", error.text(),
                   {{"repository", repository_.name}, {"commit", commit}, {"class", error.error_class()}});
    }
  }
}

/// From the tree alone.
asio::awaitable<void> RepositoryTask::relink_beside(ObjectId commit) {
  const bool intact = co_await link_is_intact(commit);
  if (!intact) {
    std::vector<std::string> former = journal_.state().links_to_remove();
    co_await publisher_->relink(commit, std::move(former));
    log::info("link_restored", "the link leads to its tree again",
              {{"repository", repository_.name}, {"commit", commit}});
  }
  reporter_.set_link_resolves(true);
}

std::vector<ObjectId> RepositoryTask::shown_commits() const {
  std::vector<ObjectId> commits;
  if (shows_a_commit()) {
    commits.push_back(*reporter_.status().commit);
  }
  if (journal_.state().pending) {
    commits.push_back(journal_.state().pending->to.commit);
  }
  return commits;
}

void RepositoryTask::tell_link_lost(ObjectId commit) const {
  log::warning("link_lost", "the link does not lead to the published tree; it is made again",
               {{"repository", repository_.name}, {"commit", commit}});
}

void RepositoryTask::note_link(const WatchedLink& seen) {
  const bool is_late = !seen.resolves && seen.commits != shown_commits();  // it moved while it was looked at
  if (!shows_a_commit() || link_resolves() == seen.resolves || is_late) {
    return;
  }
  reporter_.set_link_resolves(seen.resolves);
  if (!seen.resolves) {
    tell_link_lost(*reporter_.status().commit);
    machine_.heal_soon(Now::read());
    wakeup_.wake();
    link_lost_.wake();
  }
}

}  // namespace adapter::sync
