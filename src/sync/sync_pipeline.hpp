// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "adapter/async/timeout.hpp"
#include "adapter/config/config.hpp"
#include "adapter/publish/publisher.hpp"
#include "adapter/store/store.hpp"
#include "adapter/sync/status.hpp"
#include "adapter/transport/remote.hpp"
#include "host_access.hpp"
#include "host_turns.hpp"
#include "sync_permits.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {

/// The way of a commit from its remote into the volume: stages that take and return values. It has no schedule, no
/// status and no notes of its own. One stage at a time; loop thread. A cancelled stage leaves what it had begun as a
/// failed one does: nothing is kept in the store, and the link is as before.
class SyncPipeline {
public:
  /// What all repositories share; outlives the pipeline.
  struct Queues {
    SyncPermits& syncs;  ///< work on complete packs
    TransferQueue& transfers;
    HostTurns& connections;
  };
  /// Is told where a stage is. Must not throw.
  class Listener {
  public:
    virtual void on_phase(Phase phase) = 0;
    virtual void on_pack_received(std::uint64_t bytes) = 0;

  protected:
    ~Listener() = default;
  };

  /// All outlive the pipeline.
  SyncPipeline(const config::Repository& repository, Queues queues, transport::Remote& remote, store::Store& store,
               publish::Publisher& publisher, Listener& listener);

  /// The stages that follow have `timeout` together; time in queues does not count.
  void start() noexcept { time_left_ = repository_.timeout; }

  struct Wanted {
    std::string ref;                    ///< under which the tip is kept; empty for a detached HEAD or a pinned commit
    ObjectId tip;                       ///< a commit or an annotated tag
    std::string source;                 ///< see store::Tip::source
    std::optional<ObjectId> published;  ///< see store::Tip::published
  };
  struct Obtained {
    store::CommitSummary commit;
    SyncPermits::Permit permit;  ///< to be kept until the tree is written
  };
  /// The commit in the store, verified: from what is held where that suffices, else from the remote. Throws the errors
  /// of remote and store, and timeout.
  asio::awaitable<Obtained> obtain(Wanted wanted);

  /// The commit, when the store holds all of it; throws as store::Store::verify, and timeout. With a permit.
  asio::awaitable<std::optional<store::CommitSummary>> verify_held(ObjectId id);

  /// Writes the tree of a commit that the store holds, and moves the link. Throws as the publisher and the source of
  /// the tree, and timeout. With a permit.
  asio::awaitable<publish::PublishResult> publish(ObjectId commit, publish::PublishOptions options);

  /// Of the transfer that runs, else of the last one.
  [[nodiscard]] SyncProgress progress() const;

private:
  asio::awaitable<SyncPermits::Permit> sync_permit();
  asio::awaitable<Obtained> fetch(Wanted wanted);
  asio::awaitable<transport::FetchResult> receive(store::Ingest& ingest, ObjectId tip);
  [[nodiscard]] wire::FetchArguments fetch_arguments(const ObjectId& tip) const;
  [[nodiscard]] std::shared_ptr<const publish::TreeSource> tree_source(const ObjectId& commit) const;
  [[nodiscard]] store::Tip to_tip(Wanted wanted) const;
  template <class T>
  asio::awaitable<T> timed(asio::awaitable<T> work, const char* phase);
  [[nodiscard]] Error too_late(const char* phase) const;

  const config::Repository& repository_;
  Queues queues_;
  transport::Remote& remote_;
  store::Store& store_;
  publish::Publisher& publisher_;
  Listener& listener_;
  std::chrono::steady_clock::duration time_left_{};
  std::size_t transfer_ends_ = 0;       ///< for others, since the last transfer that was complete
  store::Ingest* receiving_ = nullptr;  ///< the transfer that runs
  SyncProgress last_progress_;
};

}  // namespace adapter::sync
