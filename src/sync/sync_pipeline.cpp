// SPDX-License-Identifier: Apache-2.0
#include "sync_pipeline.hpp"

#include <memory>
#include <utility>

#include "adapter/base/units.hpp"
#include "adapter/content/tree_source.hpp"
#include "adapter/log/log.hpp"
#include "scoped_pointer.hpp"

namespace adapter::sync {
namespace {

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

}  // namespace

SyncPipeline::SyncPipeline(const config::Repository& repository, Queues queues, transport::Remote& remote,
                           store::Store& store, publish::Publisher& publisher, Listener& listener)
    : repository_(repository),
      queues_(queues),
      remote_(remote),
      store_(store),
      publisher_(publisher),
      listener_(listener) {}

Error SyncPipeline::too_late(const char* phase) const {
  return Error(ErrorClass::timeout,
               "the whole sync took longer than " + format_duration(repository_.timeout) + " (timeout) while " + phase);
}

template <class T>
asio::awaitable<T> SyncPipeline::timed(asio::awaitable<T> work, const char* phase) {
  const steady_clock::time_point began = steady_clock::now();
  Error late = too_late(phase);
  T result = co_await async::with_deadline(std::move(work), began + time_left_, std::move(late));
  time_left_ -= steady_clock::now() - began;
  co_return std::move(result);
}

asio::awaitable<SyncPipeline::Obtained> SyncPipeline::obtain(Wanted wanted) {
  Obtained obtained;
  std::optional<store::CommitSummary> held;
  if (store_.haves().depth == repository_.depth) {
    obtained.permit = co_await sync_permit();
    held = co_await verify_held(wanted.tip);
  }
  if (!held) {
    obtained.permit.release();
    obtained = co_await fetch(std::move(wanted));
    co_return std::move(obtained);
  }
  std::unique_ptr<store::Ingest> nothing;
  auto accepting = store_.accept(std::move(nothing), to_tip(std::move(wanted)));
  obtained.commit = co_await timed(std::move(accepting), "what is held was verified");
  co_return std::move(obtained);
}

asio::awaitable<std::optional<store::CommitSummary>> SyncPipeline::verify_held(ObjectId id) {
  auto verifying = store_.verify(id);
  std::optional<store::CommitSummary> held = co_await timed(std::move(verifying), "what is held was verified");
  co_return held;
}

asio::awaitable<publish::PublishResult> SyncPipeline::publish(ObjectId commit, publish::PublishOptions options) {
  auto beginning = publisher_.begin(tree_source(commit), std::move(options));
  std::unique_ptr<publish::StagedTree> staged = co_await timed(std::move(beginning), "the tree was written");
  auto committing = publisher_.commit(std::move(staged));
  publish::PublishResult result = co_await timed(std::move(committing), "the tree was written");
  co_return std::move(result);
}

std::shared_ptr<const publish::TreeSource> SyncPipeline::tree_source(const ObjectId& commit) const {
  content::TreeOptions options;
  options.symlinks = repository_.symlinks;
  options.limits = repository_.limits;
  return content::make_tree_source(commit, [store = &store_] { return store->reader(); }, options);
}

/// The right to work on a complete pack.
asio::awaitable<SyncPermits::Permit> SyncPipeline::sync_permit() {
  listener_.on_phase(Phase::queued);
  SyncPermits::Permit permit = co_await queues_.syncs.acquire(repository_.name);
  listener_.on_phase(Phase::fetching);
  co_return std::move(permit);
}

store::Tip SyncPipeline::to_tip(Wanted wanted) const {
  store::Tip tip;
  tip.ref = std::move(wanted.ref);
  tip.id = wanted.tip;
  tip.depth = repository_.depth;
  tip.source = std::move(wanted.source);
  tip.published = wanted.published;
  return tip;
}

wire::FetchArguments SyncPipeline::fetch_arguments(const ObjectId& tip) const {
  const store::Haves& haves = store_.haves();
  wire::FetchArguments arguments;
  arguments.wants.push_back(tip);
  arguments.haves = haves.tips;
  arguments.shallow = haves.shallow;
  arguments.depth = repository_.depth;
  if (repository_.depth == 0 && !haves.shallow.empty()) {
    arguments.depth = infinite_depth;
  }
  return arguments;
}

asio::awaitable<SyncPipeline::Obtained> SyncPipeline::fetch(Wanted wanted) {
  std::unique_ptr<store::Ingest> ingest = store_.begin();
  transport::FetchResult result = co_await receive(*ingest, wanted.tip);
  listener_.on_pack_received(result.pack_bytes);
  store::Tip tip = to_tip(std::move(wanted));
  tip.shallow = std::move(result.shallow);
  tip.unshallow = std::move(result.unshallow);
  Obtained obtained;
  obtained.permit = co_await sync_permit();
  auto accepting = store_.accept(std::move(ingest), std::move(tip));
  obtained.commit = co_await timed(std::move(accepting), "the pack was verified");
  co_return std::move(obtained);
}

/// The pack into `ingest`, from a place of the transfer queue and over a connection of the host.
asio::awaitable<transport::FetchResult> SyncPipeline::receive(store::Ingest& ingest, ObjectId tip) {
  listener_.on_phase(Phase::queued);
  std::string host = repository_.url.origin().authority();
  HostAccess access =
      co_await acquire_place_and_connection(queues_.transfers, queues_.connections, std::move(host), transfer_ends_);
  TransferQueue::Place& place = *access.place;
  listener_.on_phase(Phase::fetching);
  const steady_clock::time_point began = steady_clock::now();
  IngestSink sink(ingest, place, repository_.name);
  const ScopedPointer shown(receiving_, ingest);
  transport::FetchResult result;
  try {
    auto fetching = remote_.fetch(fetch_arguments(tip), sink);
    Error late = too_late("the pack was received");
    result = co_await place.receive(std::move(fetching), began + time_left_, std::move(late));
  } catch (...) {
    transfer_ends_ += place.was_ended() ? 1U : 0U;
    throw;
  }
  transfer_ends_ = 0;
  time_left_ -= steady_clock::now() - began;
  last_progress_ = progress();
  co_return std::move(result);
}

SyncProgress SyncPipeline::progress() const {
  if (receiving_ == nullptr) {
    return last_progress_;
  }
  const store::Progress transfer = receiving_->progress();
  SyncProgress progress;
  progress.received_bytes = transfer.received_bytes;
  progress.received_objects = transfer.received_objects;
  progress.total_objects = transfer.total_objects;
  return progress;
}

}  // namespace adapter::sync
