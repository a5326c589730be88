// SPDX-License-Identifier: Apache-2.0
// How a RepositoryTask makes whole what was published: as a check begins, and apart from checks.
#include <chrono>
#include <utility>

#include "adapter/async/workers.hpp"
#include "adapter/log/log.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

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

/// On a worker: a volume may hang in a look. Throws storage when something foreign is at the link's path.
asio::awaitable<bool> RepositoryTask::link_is_intact(ObjectId commit) {
  auto job = [this, commit](const std::stop_token&) { return publisher_->link_is_intact(commit); };
  const bool intact = co_await async::run_blocking(workers_, std::move(job), "look at the link", async::Lane::quick);
  co_return intact;
}

/// The same as a check begins with, at a time when the remote is not to be asked.
asio::awaitable<void> RepositoryTask::heal_apart() {
  machine_.begin_healing();
  attempt_began_ = steady_clock::now();  // it is none by itself: the number of attempts stays
  sync_began_.reset();
  const Phase before = machine_.phase();
  auto step = heal();
  const std::optional<Error> error = co_await guarded(std::move(step));
  if (error) {
    co_return;
  }
  machine_.enter(before);
  machine_.end_healing();
  if (!machine_.published()) {
    machine_.poke(Now::read());  // it could not be made again from what is stored
  }
}

void RepositoryTask::note_link(bool resolves) {
  if (!status_.commit || link_resolves_ == resolves) {
    return;
  }
  link_resolves_ = resolves;
  if (!resolves) {
    log::warning("link_lost", "the link does not lead to the published tree; the repository is recovered now",
                 {{"repository", repository_.name}, {"commit", *status_.commit}});
    machine_.heal_soon(Now::read());
    wakeup_.wake();
  }
}

}  // namespace adapter::sync
