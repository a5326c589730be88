// SPDX-License-Identifier: Apache-2.0
// What a task does around the pipeline: notes before and after, refusals, the end of a sync.
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "adapter/log/log.hpp"
#include "old_trees.hpp"
#include "pruner.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

bool concerns_the_commit(const Error& error) {
  const ErrorClass error_class = error.error_class();
  return !error.retryable() &&
         (error_class == ErrorClass::limit || error_class == ErrorClass::policy || error_class == ErrorClass::corrupt);
}

}  // namespace

void RepositoryTask::on_phase(Phase phase) {
  machine_.enter(phase);
  if (phase != Phase::queued) {
    reporter_.sync_began(Now::read());
  }
}

asio::awaitable<void> RepositoryTask::sync(RefSelection::Choice choice) {
  const ObjectId tip = choice.tip;
  pipeline_.start();
  std::exception_ptr failure;
  bool refused = false;
  free_publisher();
  co_await shared_.old_trees.wait_for_room(repository_.name);
  try {
    co_await transfer(std::move(choice));
  } catch (const Error& error) {
    failure = std::current_exception();
    refused = concerns_the_commit(error);
    reopen_store_ = error.error_class() == ErrorClass::storage;
    if (refused) {
      machine_.refuse(tip, error, machine_.phase() == Phase::publishing);
      fail(error, true, tip);
    }
  }
  co_await take_publisher();
  if (refused) {
    co_await save();
  }
  if (failure) {
    co_await abandon_publish();
  }
  // After a failure too: what was kept for a commit that cannot be published would pile up.
  co_await tidy();
  if (failure && !refused) {
    std::rethrow_exception(failure);
  }
}

asio::awaitable<void> RepositoryTask::transfer(RefSelection::Choice choice) {
  const std::uint64_t received_before = reporter_.status().received_bytes;
  const std::optional<ObjectId> shown = published_commit();
  SyncPipeline::Wanted wanted;
  wanted.ref = choice.ref;
  wanted.tip = choice.tip;
  wanted.source = source_line();
  wanted.published = published_commit();
  auto obtaining = pipeline_.obtain(std::move(wanted));
  const SyncPipeline::Obtained obtained = co_await while_tree_stands(std::move(obtaining));
  const store::CommitSummary& facts = obtained.commit;
  reporter_.verified(facts);
  co_await take_publisher();
  machine_.enter(Phase::publishing);
  Published published;
  published.ref = choice.ref;
  published.tip = choice.tip;
  published.commit = facts.commit;
  published.settings = fingerprint_;
  journal_.edit().begin_publish(source_, published);
  co_await save();
  publish::PublishOptions options = publish_options();
  publish::PublishResult outcome = co_await pipeline_.publish(facts.commit, std::move(options));
  if (journal_.state().published && journal_.state().source != source_) {
    outcome.previous.reset();  // of another remote or ref
    outcome.replaced.reset();
  } else if (!outcome.replaced && shown == outcome.commit) {
    outcome.replaced = shown;
  }
  const Now now = Now::read();
  reporter_.tree_written(outcome, now);
  reporter_.sync_ended(now);
  succeed(published);
  journal_.edit().note_published(source_, std::move(published));
  std::exception_ptr unsaved;
  try {
    co_await save();
  } catch (...) {
    unsaved = std::current_exception();
  }
  // Published it is, with or without the note about it.
  reporter_.published(choice, outcome, reporter_.status().received_bytes - received_before, Now::read());
  if (unsaved) {
    std::rethrow_exception(unsaved);
  }
  shared_.pruner.note_published();
  co_await remove_former_links();
}

asio::awaitable<void> RepositoryTask::save() {
  SavedState& state = journal_.edit();
  state.refusals = machine_.refusals();
  if (state.source == source_) {
    state.last_success = reporter_.status().last_success;
  }
  co_await journal_.save();
}

/// A publish that failed and did not move the link is no longer about to happen: its commit may be withdrawn next.
/// Where the link is not seen to be the old one the note stays, and recovery reads it.
asio::awaitable<void> RepositoryTask::abandon_publish() {
  const SavedState& noted = journal_.state();
  if (!noted.pending || !machine_.published()) {
    co_return;
  }
  bool stands = false;
  try {
    stands = co_await link_is_intact(machine_.published()->commit);
  } catch (const Error&) {
    stands = false;  // something foreign is there: the next check says so
  }
  if (stands) {
    journal_.edit().pending.reset();
    co_await journal_.save_if_possible(repository_.name);
  }
}

/// What may be left for the next time: it must not turn a sync that succeeded into a failure.
asio::awaitable<void> RepositoryTask::tidy() {
  shared_.old_trees.request(data_dir_, repository_.name);
  const std::optional<async::Semaphore::Permit> permit = shared_.housekeeping.try_acquire();
  if (!permit) {
    co_return;  // the next check does not wait for what others merge
  }
  try {
    co_await store_->housekeep();
  } catch (const Error& error) {
    log::warning("housekeeping_failed", error.text(),
                 {{"repository", repository_.name}, {"class", error.error_class()}});
  }
}

publish::PublishOptions RepositoryTask::publish_options() const {
  publish::PublishOptions options;
  options.symlinks = repository_.symlinks;
  options.share = repository_.share;
  options.former_links = journal_.state().links_to_remove();
  return options;
}

}  // namespace adapter::sync
