// SPDX-License-Identifier: Apache-2.0
// The way of one change: objects, permit, tree, link.
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "adapter/base/units.hpp"
#include "adapter/log/log.hpp"
#include "old_trees.hpp"
#include "pruner.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// git's own "all of it" for `deepen`.
constexpr std::uint32_t infinite_depth = 0x7fffffff;

/// Hands a remote's pack to the store.
class IngestSink final : public transport::PackSink {
public:
  IngestSink(store::Ingest& ingest, TransferQueue::Place& place, const std::string& repository)
      : ingest_(ingest), place_(place), repository_(repository) {}

  asio::awaitable<void> write(std::string_view bytes) override {
    place_.received(bytes.size());
    place_.set_held_up(true);
    co_await ingest_.write(bytes);
    place_.set_held_up(false);
  }
  void progress(std::string_view line) override {
    const bool passing = line.find('%') != std::string_view::npos && line.find("done") == std::string_view::npos;
    if (!passing && shown_lines_ < max_shown_lines) {
      ++shown_lines_;
      log::debug("remote_progress", line, {{"repository", repository_}});
    }
  }

private:
  /// A server that means well sends about ten.
  static constexpr int max_shown_lines = 100;

  store::Ingest& ingest_;
  TransferQueue::Place& place_;
  const std::string& repository_;
  int shown_lines_ = 0;
};

bool concerns_the_commit(const Error& error) {
  const ErrorClass error_class = error.error_class();
  return !error.retryable() &&
         (error_class == ErrorClass::limit || error_class == ErrorClass::policy || error_class == ErrorClass::corrupt);
}

}  // namespace

Error RepositoryTask::too_late(const char* phase) const {
  return Error(ErrorClass::timeout,
               "the whole sync took longer than " + format_duration(repository_.timeout) + " (timeout) while " + phase);
}

/// Waits for the right to work on a complete pack; then the phase is `next`.
asio::awaitable<SyncPermits::Permit> RepositoryTask::sync_permit(Phase next) {
  machine_.enter(Phase::queued);
  SyncPermits::Permit permit = co_await shared_.syncs.acquire(repository_.name);
  machine_.enter(next);
  reporter_.sync_began(Now::read());
  co_return std::move(permit);
}

asio::awaitable<void> RepositoryTask::sync(RefSelection::Choice choice) {
  const ObjectId tip = choice.tip;
  sync_time_left_ = repository_.timeout;
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
  SyncPermits::Permit permit;
  auto obtaining = obtain(choice, permit);
  const store::CommitSummary facts = co_await while_tree_stands(std::move(obtaining));
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
  const publish::PublishOptions options = publish_options();
  publish::ReaderFactory make_reader = readers();
  auto publishing = publisher_->publish(facts.commit, std::move(make_reader), options);
  publish::Outcome outcome = co_await timed(std::move(publishing), "the tree was written");
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

/// The commit in the store, verified: from what is held where that suffices, else from the remote.
asio::awaitable<store::CommitSummary> RepositoryTask::obtain(const RefSelection::Choice& choice,
                                                             SyncPermits::Permit& permit) {
  std::optional<store::CommitSummary> held;
  if (store_->haves().depth == repository_.depth) {
    permit = co_await sync_permit(Phase::fetching);
    auto verifying = store_->verify(choice.tip);
    held = co_await timed(std::move(verifying), "what is held was verified");
  }
  if (!held) {
    permit.release();
    store::CommitSummary fetched = co_await fetch(choice, permit);
    co_return fetched;
  }
  store::Tip tip;
  tip.ref = choice.ref;
  tip.id = choice.tip;
  tip.depth = repository_.depth;
  tip.source = source_line();
  tip.published = published_commit();
  std::unique_ptr<store::Ingest> nothing;
  auto accepting = store_->accept(std::move(nothing), std::move(tip));
  store::CommitSummary facts = co_await timed(std::move(accepting), "what is held was verified");
  co_return facts;
}

asio::awaitable<store::CommitSummary> RepositoryTask::fetch(const RefSelection::Choice& choice,
                                                            SyncPermits::Permit& permit) {
  const store::Haves& haves = store_->haves();
  wire::FetchArguments arguments;
  arguments.wants.push_back(choice.tip);
  arguments.haves = haves.tips;
  arguments.shallow = haves.shallow;
  arguments.depth = repository_.depth;
  if (repository_.depth == 0 && !haves.shallow.empty()) {
    arguments.depth = infinite_depth;
  }
  std::unique_ptr<store::Ingest> ingest = store_->begin();
  transport::FetchResult result = co_await receive(std::move(arguments), *ingest);
  reporter_.pack_received(result.pack_bytes);
  store::Tip tip;
  tip.ref = choice.ref;
  tip.id = choice.tip;
  tip.depth = repository_.depth;
  tip.source = source_line();
  tip.published = published_commit();
  tip.shallow = std::move(result.shallow);
  tip.unshallow = std::move(result.unshallow);
  permit = co_await sync_permit(Phase::fetching);
  auto accepting = store_->accept(std::move(ingest), std::move(tip));
  store::CommitSummary facts = co_await timed(std::move(accepting), "the pack was verified");
  co_return facts;
}

/// The pack into `ingest`, from a place of the transfer queue and over a connection of the host.
asio::awaitable<transport::FetchResult> RepositoryTask::receive(wire::FetchArguments arguments, store::Ingest& ingest) {
  machine_.enter(Phase::queued);
  std::string host = repository_.url.origin().authority();
  TransferQueue::Place place = co_await shared_.transfers.acquire(host, transfer_ends_);
  place.set_held_up(true);
  const HostTurns::Turn connection = co_await shared_.connections.acquire_connection(std::move(host));
  place.set_held_up(false);
  machine_.enter(Phase::fetching);
  const Now now = Now::read();
  reporter_.sync_began(now);
  IngestSink sink(ingest, place, repository_.name);
  const ScopedPointer shown(receiving_, ingest);
  transport::FetchResult result;
  try {
    auto fetching = group_->remote().fetch(std::move(arguments), sink);
    Error late = too_late("the pack was received");
    result = co_await place.receive(std::move(fetching), now.steady + sync_time_left_, std::move(late));
  } catch (...) {
    transfer_ends_ += place.was_ended() ? 1U : 0U;
    throw;
  }
  transfer_ends_ = 0;
  sync_time_left_ -= steady_clock::now() - now.steady;
  last_progress_ = progress();
  co_return std::move(result);
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
  options.limits = repository_.limits;
  options.former_links = journal_.state().links_to_remove();
  return options;
}

publish::ReaderFactory RepositoryTask::readers() const {
  return [store = store_.get()] { return store->reader(); };
}

}  // namespace adapter::sync
