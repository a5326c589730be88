// SPDX-License-Identifier: Apache-2.0
#include "snapshot.hpp"

#include <asio/post.hpp>

#include <utility>

namespace adapter::admin {
namespace {

constexpr std::chrono::seconds beat_interval{1};

}  // namespace

SnapshotSource::SnapshotSource(asio::any_io_executor loop, Daemon& daemon, const Board& board)
    : loop_(std::move(loop)),
      daemon_(daemon),
      board_(board),
      timer_(loop_),
      last_beat_(Clock::now().time_since_epoch().count()) {}

void SnapshotSource::start_beating() {
  beating_ = true;
  last_beat_ = Clock::now().time_since_epoch().count();
  timer_.expires_after(beat_interval);
  timer_.async_wait([self = shared_from_this()](std::error_code failure) {
    // A beat that was due already is not cancelled any more: without the second question it would go on for ever.
    if (!failure && self->beating_) {
      self->start_beating();
    }
  });
}

void SnapshotSource::stop_beating() {
  beating_ = false;
  timer_.cancel();
}

void SnapshotSource::set_config(std::shared_ptr<const config::Config> config) {
  secret_paths_ = SecretPaths(*config);
  const std::lock_guard lock(mutex_);
  config_ = std::move(config);
}

std::chrono::milliseconds SnapshotSource::since_beat() const noexcept {
  const Clock::time_point beat{Clock::duration(last_beat_.load())};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - beat);
}

std::shared_ptr<const Snapshot> SnapshotSource::get(std::chrono::milliseconds max_age,
                                                    std::chrono::milliseconds patience) {
  const Clock::time_point asked_at = Clock::now();
  std::unique_lock lock(mutex_);
  const auto fresh = [&] { return latest_ && latest_->taken >= asked_at - max_age; };
  if (fresh() || stopped_) {
    return latest_;
  }
  if (!std::exchange(asked_, true)) {
    asio::post(loop_, [self = shared_from_this()] { self->take(); });
  }
  taken_.wait_until(lock, asked_at + patience, [&] { return fresh() || stopped_; });
  return latest_;
}

void SnapshotSource::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  taken_.notify_all();
}

void SnapshotSource::take() {
  auto snapshot = std::make_shared<Snapshot>();
  {
    // Who asks from here on may be given this one only if it is young enough for them.
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;  // the board may be gone, and nobody waits
    }
    asked_ = false;
    snapshot->config = config_;
  }
  snapshot->time = std::chrono::system_clock::now();
  snapshot->taken = Clock::now();
  snapshot->event_id = board_.latest_id();
  snapshot->last_reload = daemon_.last_reload();
  if (snapshot->last_reload) {
    snapshot->last_reload->problem = secret_paths_.hidden_in(snapshot->last_reload->problem);
  }
  sync::Engine* const engine = daemon_.engine();
  if (engine != nullptr && snapshot->config) {
    std::map<std::string, sync::RepositoryStatus> by_name;
    for (sync::RepositoryStatus& status : engine->status()) {
      if (status.phase == sync::Phase::fetching) {
        if (const auto progress = engine->progress(status.name)) {
          snapshot->progress[status.name] = *progress;
        }
      }
      if (status.failure) {
        status.failure->text = secret_paths_.hidden_in(status.failure->text);
      }
      by_name.emplace(status.name, std::move(status));
    }
    snapshot->network = engine->network();
    for (const config::Repository& repository : snapshot->config->repositories) {
      if (auto node = by_name.extract(repository.name)) {
        snapshot->repositories.push_back(std::move(node.mapped()));
      }
    }
  }
  {
    const std::lock_guard lock(mutex_);
    latest_ = std::move(snapshot);
  }
  taken_.notify_all();
}

}  // namespace adapter::admin
