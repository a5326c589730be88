// SPDX-License-Identifier: Apache-2.0
// What a repository's task says about itself: log, status, progress.
#include <bit>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "missing_ref.hpp"
#include "old_trees.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;

/// "a, b, c": the first paths of a kind.
std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) {
    text += (text.empty() ? "" : ", ") + path;
  }
  return text;
}

/// What works in a repository's directory names files below it: the text of a storage error without an absolute path
/// gets the directory in front.
Error with_place(const Error& error, const std::filesystem::path& directory) {
  Error placed = error;
  if (error.error_class() == ErrorClass::storage && error.text().find(" /") == std::string::npos) {
    placed.add_context("in " + escape(directory.native()));
  }
  return placed;
}

void show_in_present_time(std::optional<schedule::TimePoint>& time, steady_clock::time_point steady, Now now) {
  if (time) {
    time = shown_time(*time, steady, now);
  }
}

}  // namespace

bool RepositoryTask::waits_for_files() const noexcept {
  const std::optional<Failure>& failure = machine_.failure();
  return machine_.phase() == Phase::backing_off && failure &&
         (failure->error_class == ErrorClass::auth || failure->error_class == ErrorClass::tls ||
          failure->error_class == ErrorClass::config);
}

schedule::TimePoint RepositoryTask::last_attempt() const {
  const Now now = Now::read();
  return now.wall - duration_cast<schedule::TimePoint::duration>(now.steady - attempt_began_);
}

void RepositoryTask::tell(Event event) {
  if (event.ends_attempt) {
    attempts_ended_ = attempts_;
  }
  if (shared_.observer == nullptr) {
    return;
  }
  event.time = std::chrono::system_clock::now();
  event.repository = repository_.name;
  event.attempt = attempts_;
  shared_.observer->on_event(event);
}

void RepositoryTask::tell_checked(const RefSelection::Choice& choice, bool changed, bool ends_attempt) {
  Event event;
  event.changed = changed;
  event.ends_attempt = ends_attempt;
  event.duration = duration_cast<microseconds>(steady_clock::now() - attempt_began_);
  status_.last_check_duration = event.duration;
  if (choice.kind == RefSelection::Choice::Kind::found) {
    const std::optional<Published>& published = machine_.published();
    event.commit = published && published->tip == choice.tip ? published->commit : choice.tip;
  }
  tell(event);
  if (changed) {
    event.kind = EventKind::changed;
    event.previous = status_.commit;
    tell(std::move(event));
  }
}

void RepositoryTask::note_facts(const store::CommitSummary& facts) {
  status_.submodules = facts.submodule_count;
  status_.lfs_pointers = facts.lfs_pointer_count;
  if (std::exchange(described_, facts.commit) == facts.commit) {
    return;  // published again
  }
  if (facts.submodule_count != 0) {
    log::info("submodules_present", "submodules are published as empty folders",
              {{"repository", repository_.name},
               {"commit", facts.commit},
               {"count", facts.submodule_count},
               {"paths", joined(facts.submodules)}});
  }
  if (facts.lfs_pointer_count != 0) {
    log::info("lfs_pointers_present", "files kept in LFS are published as their pointers",
              {{"repository", repository_.name},
               {"commit", facts.commit},
               {"count", facts.lfs_pointer_count},
               {"paths", joined(facts.lfs_pointers)}});
  }
}

void RepositoryTask::note_outcome(const publish::Outcome& outcome) {
  status_.commit = outcome.commit;
  status_.previous = outcome.previous;
  link_resolves_ = true;
  status_.published_paths = outcome.files;
  status_.left_out_links = outcome.left_out_link_count;
  const Now now = Now::read();
  status_.last_change = now.wall;
  steady_times_.last_change = now.steady;
  changed_ = changed_ || outcome.changed;
  const bool known = std::exchange(links_described_, outcome.commit) == outcome.commit;
  if (outcome.left_out_link_count != 0 && !known) {
    log::warning("links_left_out", "symbolic links that lead out of the tree are not published",
                 {{"repository", repository_.name},
                  {"commit", outcome.commit},
                  {"count", outcome.left_out_link_count},
                  {"paths", joined(outcome.left_out_links)}});
  }
}

void RepositoryTask::report_published(const RefSelection::Choice& choice, const publish::Outcome& outcome,
                                      std::uint64_t received_bytes) {
  const std::optional<ObjectId>& before = outcome.replaced ? outcome.replaced : outcome.previous;
  const std::string previous = before ? before->to_hex() : std::string();
  const bool anew = before == outcome.commit;
  log::info("published",
            anew ? "the commit that the folder shows was published anew" : "the folder shows the new commit",
            {{"repository", repository_.name},
             {"ref", choice.ref.empty() ? repository_.ref : choice.ref},
             {"commit", outcome.commit},
             {"previous", previous},
             {"duration_ms", status_.last_sync_duration.count()},
             {"received_bytes", received_bytes},
             {"files", outcome.files},
             {"reused", outcome.reused}});
  Event event;
  event.kind = EventKind::published;
  event.ends_attempt = true;
  event.ref = choice.ref.empty() ? repository_.ref : choice.ref;
  event.commit = outcome.commit;
  event.previous = before;
  event.duration = status_.last_sync_duration;
  event.received_bytes = received_bytes;
  tell(std::move(event));
}

/// The attempt that moved the link ended before it could say so: the volume failed in its last sync, or the process
/// ended.
void RepositoryTask::report_found_published(const Published& published, std::optional<ObjectId> before) {
  const Now now = Now::read();
  status_.last_change = now.wall;
  steady_times_.last_change = now.steady;
  changed_ = true;
  const std::string previous = before ? before->to_hex() : std::string();
  log::info("published", "the folder shows the new commit, which an attempt before this one moved it to",
            {{"repository", repository_.name},
             {"ref", published.ref.empty() ? repository_.ref : published.ref},
             {"commit", published.commit},
             {"previous", previous}});
  Event event;
  event.kind = EventKind::published;
  event.ref = published.ref.empty() ? repository_.ref : published.ref;
  event.commit = published.commit;
  event.previous = before;
  tell(std::move(event));
}

void RepositoryTask::fail(const Error& cause, bool on_schedule, const std::optional<ObjectId>& refused) {
  const Error error = with_place(cause, directory_);
  machine_.fail(Now::read(), error, on_schedule);
  // An unchanged failure is worth a line at the first, second, fourth, eighth… time; status and metrics count each.
  // That a remote was emptied is no trouble that grows with time: one line.
  const std::uint32_t unchanged = machine_.failure()->unchanged;
  const bool worth_a_line = emptied_ ? unchanged == 1 : std::has_single_bit(unchanged);
  const auto log_line = [&](const auto&... more) {
    log::write(worth_a_line ? log::Level::warning : log::Level::debug, "check_failed", error.text(),
               {{"repository", repository_.name},
                {"ref", repository_.ref},
                {"class", error.error_class()},
                {"failures", machine_.failure()->count},
                more...});
  };
  const Now now = Now::read();
  const std::chrono::milliseconds wait = machine_.retry_in(now);
  const log::Field retry("retry_in_ms", wait.count());
  const log::Field commit("commit", refused.value_or(ObjectId()));
  const bool retries = !last_retry_ || now.steady + wait <= *last_retry_;
  if (refused && retries) {
    log_line(commit, retry);
  } else if (refused) {
    log_line(commit);
  } else if (retries) {
    log_line(retry);
  } else {
    log_line();
  }
  if (waits_for_files()) {
    shared_.file_failure.wake();
  }
  Event event;
  event.kind = EventKind::failed;
  event.ends_attempt = true;
  event.error_class = error.error_class();
  event.text = machine_.failure()->text;
  event.failures = machine_.failure()->count;
  if (sync_began_) {
    event.in_sync = true;
    event.duration = duration_cast<microseconds>(steady_clock::now() - *sync_began_);
  }
  if (error.retry_after()) {
    shared_.host_waits.note_asked(repository_.url, machine_.held_until(), steady_clock::now());
    event.throttled = machine_.retry_in(Now::read());
    event.host = repository_.url.origin().authority();
  }
  tell(std::move(event));
}

void RepositoryTask::succeed(std::optional<Published> published) {
  const Now now = Now::read();
  status_.last_success = now.wall;
  steady_times_.last_success = now.steady;
  const std::optional<Failure> before = machine_.failure();
  const bool recovered = machine_.succeed(now, std::move(published));
  if (recovered && before) {
    tell_recovered(*before, "checks succeed again");
  }
}

void RepositoryTask::tell_recovered(const Failure& before, std::string_view message) {
  log::info("recovered", message,
            {{"repository", repository_.name}, {"class", before.error_class}, {"failures", before.count}});
  Event event;
  event.kind = EventKind::recovered;
  event.error_class = before.error_class;
  event.failures = before.count;
  tell(std::move(event));
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

RepositoryStatus RepositoryTask::status() const {
  RepositoryStatus status = status_;
  const Now at = Now::read();
  status.phase = machine_.phase();
  status.failure = machine_.failure();
  if (status.failure) {
    status.failure->since = shown_time(status.failure->since, status.failure->since_steady, at);
  }
  show_in_present_time(status.last_check, steady_times_.last_check, at);
  show_in_present_time(status.last_success, steady_times_.last_success, at);
  show_in_present_time(status.last_change, steady_times_.last_change, at);
  status.next_due = machine_.next_due(at);
  status.attempts_begun = attempts_;
  status.attempts_ended = attempts_ended_;
  status.pinned = selection_.pinned().has_value();
  status.webhook = repository_.webhook.has_value();
  status.hooked = machine_.hooked() && repository_.webhook && repository_.every_when_hooked;
  status.max_staleness = max_staleness_;
  status.link_resolves = link_resolves_;
  status.residue_entries = shared_.old_trees.residue_entries(repository_.name);
  if (status.commit) {
    status.tree_path = (data_dir_ / repository_.link).native();
  }
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
  return {status(),
          next.url == repository_.url && next.ref == repository_.ref,
          next.link == repository_.link,
          machine_.asked(),
          steady_times_,
          std::move(wait)};
}

SyncProgress RepositoryTask::progress() const {
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

/// Names of refs like the one that is missing; none where the remote cannot be asked, since they only help a reader of
/// the error.
asio::awaitable<std::vector<std::string>> RepositoryTask::near_refs(RefSelection::Choice choice) {
  std::vector<std::string> names;
  if (choice.kind == RefSelection::Choice::Kind::empty_remote) {
    co_return names;
  }
  try {
    const std::vector<wire::Ref> refs = co_await group_->refs_below(broader_prefixes(repository_.ref));
    names = nearest_refs(repository_.ref, refs);
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;
    }
    log::debug("near_refs_unknown", error.text(), {{"repository", repository_.name}});
  }
  co_return names;
}

}  // namespace adapter::sync
