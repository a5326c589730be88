// SPDX-License-Identifier: Apache-2.0
#include "repository_task.hpp"

#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "adapter/async/compat.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "old_trees.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

constexpr int default_stale_intervals = 10;
constexpr std::chrono::minutes rare{10};
/// The longest gap between two looks at an empty remote whose first commit is waited for.
constexpr std::chrono::seconds first_commit_interval{5};

Machine::Settings machine_settings(const config::Repository& repository, const RefSelection& selection,
                                   const std::string& fingerprint) {
  Machine::Settings settings;
  settings.schedule = repository.schedule;
  settings.pinned = selection.pinned().has_value();
  settings.suspended = repository.suspend;
  settings.fingerprint = fingerprint;
  settings.every_when_hooked = repository.webhook ? repository.every_when_hooked : std::nullopt;
  return settings;
}

store::StoreOptions store_options(const config::Repository& repository) {
  store::StoreOptions options;
  options.limits = repository.limits;
  options.names = repository.names;
  return options;
}

std::optional<std::chrono::milliseconds> staleness_limit(const config::Repository& repository,
                                                         const RefSelection& selection, std::chrono::milliseconds gap) {
  if (selection.pinned() || repository.suspend) {
    return std::nullopt;
  }
  if (repository.max_staleness) {
    return repository.max_staleness;
  }
  const bool by_cron = std::holds_alternative<schedule::CronSchedule>(repository.schedule.when);
  std::chrono::milliseconds limit = by_cron ? gap + least_default_staleness : gap * default_stale_intervals;
  if (repository.webhook && repository.every_when_hooked) {
    limit = std::max(limit, *repository.every_when_hooked * default_stale_intervals);
  }
  return std::max<std::chrono::milliseconds>(limit, least_default_staleness);
}

/// Whether the next check after a restart may be so far off that the success before it has to be remembered.
bool checks_rarely(const config::Repository& repository, std::chrono::milliseconds gap) {
  return std::holds_alternative<schedule::CronSchedule>(repository.schedule.when) && gap >= rare;
}

}  // namespace

Error as_error(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    Error error(ErrorClass::limit, "out of memory");
    error.set_retryable(true);
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorClass::network, std::string("unexpected failure: ") + error.what());
  }
}

RepositoryTask::RepositoryTask(Shared& shared, std::shared_ptr<RemoteGroup> group, config::Repository repository,
                               const std::filesystem::path& data_dir, const Predecessor& before)
    : shared_(shared),
      workers_(shared.workers, repository.name),
      group_(std::move(group)),
      repository_(std::move(repository)),
      data_dir_(data_dir),
      directory_(data_dir / volume::own_path(repository_.name)),
      source_{repository_.url.to_string(), repository_.ref},
      fingerprint_(config::settings_fingerprint(repository_)),
      selection_(repository_.ref),
      machine_(machine_settings(repository_, selection_, fingerprint_), shared.random),
      reporter_(repository_, data_dir, shared.observer),
      wakeup_(shared.executor),
      store_(store::make_store(workers_, directory_, store_options(repository_))),
      publisher_(publish::make_publisher(workers_, data_dir, repository_.name, repository_.link, shared.doubts)),
      pipeline_(repository_, SyncPipeline::Queues{shared.syncs, shared.transfers, shared.connections}, group_->remote(),
                *store_, *publisher_, *this),
      publisher_turn_(shared.executor, 1),
      link_lost_(shared.executor),
      journal_(workers_, directory_) {
  publisher_permit_ = publisher_turn_.try_acquire().value();
  const std::chrono::milliseconds gap = repository_.schedule.longest_gap(Now::read().wall);
  max_staleness_ = staleness_limit(repository_, selection_, gap);
  remembers_success_ = checks_rarely(repository_, gap);
  group_->join(selection_.prefixes());
  reporter_.continue_attempts(before.status);
  if (before.same_source) {
    reporter_.continue_status(before.status, before.steady_times, before.same_link);
  }
  Machine::Wait wait = before.wait;
  wait.held_until = std::max(wait.held_until, shared.host_waits.until(repository_.url));
  machine_.restore_wait(std::move(wait));
  if (before.asked) {
    machine_.poke(Now::read());
  }
}

RepositoryTask::~RepositoryTask() {
  group_->leave(selection_.prefixes());
}

asio::awaitable<void> RepositoryTask::watch(bool spread) {
  const auto executor = co_await asio::this_coro::executor;
  auto group =
      asio::experimental::make_parallel_group(asio::co_spawn(executor, follow(spread), async::compat::deferred),
                                              asio::co_spawn(executor, keep_link(), async::compat::deferred));
  auto reply = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  auto& [order, failure, link_failure] = reply;
  if (order[0] == 0 ? failure : link_failure) {
    std::rethrow_exception(order[0] == 0 ? failure : link_failure);
  }
}

asio::awaitable<void> RepositoryTask::follow(bool spread) {
  co_await recover_until(steady_clock::time_point::max());
  const Now now = Now::read();
  machine_.start(now, spread, reporter_.status().last_success);
  if (machine_.held_until() > now.steady) {
    log::info("host_wait", "the host asked for patience (Retry-After); the first check waits for that long",
              {{"repository", repository_.name},
               {"wait_ms",
                std::chrono::duration_cast<std::chrono::milliseconds>(machine_.held_until() - now.steady).count()}});
  }
  while (true) {
    const Now at = Now::read();
    machine_.notice_clock(at);
    hold_with_host(at);
    if (machine_.due(at)) {
      co_await attempt();
    } else if (machine_.heal_due(at)) {
      co_await heal_apart();
    } else {
      const auto until = machine_.sleep_until(at);
      co_await wakeup_.wait_until(until);
    }
  }
}

asio::awaitable<void> RepositoryTask::sync_once(steady_clock::time_point deadline, bool awaits_first_commit,
                                                OnceResult& result) {
  last_retry_ = deadline;
  result.error = co_await sync_until(deadline, awaits_first_commit);
  result.commit = reporter_.status().commit;
  result.changed = reporter_.changed();
}

asio::awaitable<std::optional<Error>> RepositoryTask::sync_until(steady_clock::time_point deadline,
                                                                 bool awaits_first_commit) {
  std::optional<Error> error = co_await recover_until(deadline);
  while (!error) {
    error = co_await wait_for_host(deadline);
    if (error) {
      break;
    }
    error = co_await attempt();
    const bool waits = !error && awaits_first_commit && reporter_.status().empty_remote && !shows_a_commit();
    if (!error && !waits) {
      co_return std::nullopt;
    }
    const Now now = Now::read();
    auto retry_at = machine_.sleep_until(now);
    if (waits) {
      // The schedule may be a rare one, and the last look comes when the time is over.
      retry_at = std::min({retry_at, now.steady + first_commit_interval, std::max(now.steady, deadline)});
    }
    if (retry_at > deadline || (waits && now.steady >= deadline)) {
      break;
    }
    co_await wakeup_.wait_until(retry_at);
    error.reset();
  }
  if (!error) {
    error.emplace(ErrorClass::timeout, "the remote has no commit yet, and none came in the time for retries");
  }
  co_return error;
}

/// What a host asks for holds for all of its repositories with the same credential.
void RepositoryTask::hold_with_host(Now now) {
  const steady_clock::time_point of_host = shared_.host_waits.until(repository_.url);
  machine_.hold_with_host(wait_with_host_.until(of_host, machine_.held_until(), now.steady, shared_.random));
}

asio::awaitable<std::optional<Error>> RepositoryTask::wait_for_host(steady_clock::time_point deadline) {
  while (true) {
    const Now now = Now::read();
    hold_with_host(now);
    const steady_clock::time_point until = machine_.ask_not_before();
    if (until <= now.steady) {
      co_return std::nullopt;
    }
    if (until > deadline) {
      co_return Error(ErrorClass::rate_limited,
                      "not asked: " + escape(repository_.url.origin().authority()) +
                          " asked another repository to wait (Retry-After), for longer than there is time for retries");
    }
    co_await wakeup_.wait_until(until);
  }
}

asio::awaitable<std::optional<Error>> RepositoryTask::recover_until(steady_clock::time_point deadline) {
  while (true) {
    reporter_.attempt_began(Now::read());
    demanded_ = false;
    auto step = recover();
    std::optional<Error> error = co_await guarded(std::move(step));
    if (!error) {
      co_return std::nullopt;
    }
    const auto retry_at = machine_.retry_at();
    if (retry_at > deadline) {
      co_return error;
    }
    // A delivery, which anybody may repeat, is for the check that follows.
    while (!demanded_ && steady_clock::now() < retry_at) {
      co_await wakeup_.wait_until(retry_at);
    }
  }
}

asio::awaitable<std::optional<Error>> RepositoryTask::attempt() {
  const Now now = Now::read();
  reporter_.attempt_began(now);
  machine_.begin_check(now);
  auto step = check();
  std::optional<Error> error = co_await guarded(std::move(step));
  co_await take_publisher();
  if (!error && machine_.failure()) {
    // A missing ref or a refused commit: nothing was thrown, and it is not in sync either.
    error.emplace(machine_.failure()->error_class, machine_.failure()->text);
  }
  co_return error;
}

asio::awaitable<std::optional<Error>> RepositoryTask::guarded(asio::awaitable<void> step) {
  std::exception_ptr failure;
  try {
    co_await std::move(step);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) {
    co_return std::nullopt;
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    std::rethrow_exception(failure);
  }
  Error error = as_error(failure);
  fail(error, false);
  error.set_text(log::redacted(error.text()));
  co_return error;
}

std::uint64_t RepositoryTask::poke() {
  machine_.poke(Now::read());
  demanded_ = true;
  wakeup_.wake();
  return repository_.suspend ? 0 : reporter_.status().attempts_begun + 1;
}

void RepositoryTask::announce(const Announcement& push) {
  const bool ours = selection_.concerns(push.ref, reporter_.status().resolved_ref);
  machine_.announce(Now::read(), ours ? push.commit : std::nullopt);
  wakeup_.wake();
}

bool RepositoryTask::waits_for_files() const noexcept {
  const std::optional<Failure>& failure = machine_.failure();
  return machine_.phase() == Phase::backing_off && failure &&
         (failure->error_class == ErrorClass::auth || failure->error_class == ErrorClass::tls ||
          failure->error_class == ErrorClass::config);
}

schedule::TimePoint RepositoryTask::last_attempt() const {
  const Now now = Now::read();
  return now.wall -
         std::chrono::duration_cast<schedule::TimePoint::duration>(now.steady - reporter_.attempt_began_at());
}

RepositoryStatus RepositoryTask::status() const {
  const Now at = Now::read();
  RepositoryStatus status = reporter_.status_at(at);
  status.phase = machine_.phase();
  status.failure = machine_.failure();
  if (status.failure) {
    status.failure->since = shown_time(status.failure->since, status.failure->since_steady, at);
  }
  status.next_due = machine_.next_due(at);
  status.pinned = selection_.pinned().has_value();
  status.hooked = machine_.hooked() && repository_.webhook && repository_.every_when_hooked;
  status.max_staleness = max_staleness_;
  status.residue_entries = shared_.old_trees.residue_entries(repository_.name);
  return status;
}

Predecessor RepositoryTask::predecessor(const config::Repository& next) const {
  Machine::Wait wait;
  if (shared_.host_waits.is_same_host(repository_.url, next.url)) {
    wait = machine_.wait(Now::read());
  }
  if (next.url != repository_.url) {
    wait.held_until = {};  // what the host said to a repository holds up others for as long as HostWaits says
  }
  if (RemoteKey::of(next) != RemoteKey::of(repository_)) {
    wait.backed_off_until = {};
    wait.failure.reset();
  }
  RepositoryStatus last = status();
  last.resolved_ref = reporter_.status().resolved_ref;  // pushes are compared with its name
  return {std::move(last),
          next.url == repository_.url && next.ref == repository_.ref,
          next.link == repository_.link,
          machine_.asked(),
          reporter_.steady_times(),
          std::move(wait)};
}

}  // namespace adapter::sync
