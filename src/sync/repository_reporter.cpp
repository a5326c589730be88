// SPDX-License-Identifier: Apache-2.0
#include "repository_reporter.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::sync {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// "a, b, c": the first paths of a kind.
std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) {
    text += (text.empty() ? "" : ", ") + path;
  }
  return text;
}

std::string hex_of(const std::optional<ObjectId>& id) {
  return id ? id->to_hex() : std::string();
}

void show_in_present_time(std::optional<schedule::TimePoint>& time, steady_clock::time_point steady, Now now) {
  if (time) {
    time = shown_time(*time, steady, now);
  }
}

}  // namespace

RepositoryReporter::RepositoryReporter(const config::Repository& repository, const std::filesystem::path& data_dir,
                                       Observer* observer)
    : repository_(repository), link_(data_dir / repository.link), observer_(observer) {
  status_.name = repository.name;
  status_.url = repository.url.display();
  status_.ref = repository.ref;
  status_.webhook = repository.webhook.has_value();
}

void RepositoryReporter::continue_attempts(const RepositoryStatus& before) {
  status_.attempts_begun = before.attempts_begun;
  status_.attempts_ended = before.attempts_begun;
}

void RepositoryReporter::continue_status(const RepositoryStatus& before, const SteadyTimes& times, bool same_link) {
  status_.resolved_ref = before.resolved_ref;
  status_.last_check = before.last_check;
  status_.last_success = before.last_success;
  status_.last_change = before.last_change;
  status_.received_bytes = before.received_bytes;
  steady_times_ = times;
  if (same_link) {
    // It stands where it stood until recovery has had a look.
    status_.commit = before.commit;
    status_.previous = before.previous;
  }
}

void RepositoryReporter::attempt_began(Now now) {
  ++status_.attempts_begun;
  healing_began(now);
}

void RepositoryReporter::healing_began(Now now) {
  attempt_began_ = now.steady;
  sync_began_.reset();
  emptied_ = false;
}

void RepositoryReporter::sync_began(Now now) {
  sync_began_ = sync_began_.value_or(now.steady);
}

void RepositoryReporter::tell(Event event, Now now) {
  if (event.ends_attempt) {
    status_.attempts_ended = status_.attempts_begun;
  }
  if (observer_ == nullptr) {
    return;
  }
  event.time = now.wall;
  event.repository = repository_.name;
  event.attempt = status_.attempts_begun;
  observer_->on_event(event);
}

void RepositoryReporter::remote_answered(const RefSelection::Choice& choice, bool had_commits, Now now) {
  status_.last_check = now.wall;
  steady_times_.last_check = now.steady;
  status_.empty_remote = choice.kind == RefSelection::Choice::Kind::empty_remote;
  emptied_ = status_.empty_remote && had_commits;
  if (choice.kind == RefSelection::Choice::Kind::found) {
    status_.resolved_ref = choice.ref;
  }
}

void RepositoryReporter::checked(const RefSelection::Choice& choice, const std::optional<Published>& published,
                                 bool changed, bool ends_attempt, Now now) {
  Event event;
  event.changed = changed;
  event.ends_attempt = ends_attempt;
  event.duration = duration_cast<microseconds>(now.steady - attempt_began_);
  status_.last_check_duration = event.duration;
  if (choice.kind == RefSelection::Choice::Kind::found) {
    event.commit = published && published->tip == choice.tip ? published->commit : choice.tip;
  }
  tell(event, now);
  if (changed) {
    event.kind = EventKind::changed;
    event.previous = status_.commit;
    tell(std::move(event), now);
  }
}

void RepositoryReporter::verified(const store::CommitSummary& commit) {
  status_.submodules = commit.submodule_count;
  status_.lfs_pointers = commit.lfs_pointer_count;
  if (std::exchange(described_, commit.commit) == commit.commit) {
    return;  // published again
  }
  if (commit.submodule_count != 0) {
    log::info("submodules_present", "submodules are published as empty folders",
              {{"repository", repository_.name},
               {"commit", commit.commit},
               {"count", commit.submodule_count},
               {"paths", joined(commit.submodules)}});
  }
  if (commit.lfs_pointer_count != 0) {
    log::info("lfs_pointers_present", "files kept in LFS are published as their pointers",
              {{"repository", repository_.name},
               {"commit", commit.commit},
               {"count", commit.lfs_pointer_count},
               {"paths", joined(commit.lfs_pointers)}});
  }
}

void RepositoryReporter::tree_written(const publish::PublishResult& outcome, Now now) {
  status_.commit = outcome.commit;
  status_.previous = outcome.previous;
  status_.link_resolves = true;
  status_.published_paths = outcome.files;
  status_.left_out_links = outcome.left_out_link_count;
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

void RepositoryReporter::sync_ended(Now now) {
  status_.last_sync_duration = duration_cast<milliseconds>(now.steady - sync_began_.value_or(attempt_began_));
}

std::string RepositoryReporter::ref_of(const std::string& full_name) const {
  return log::redacted(full_name.empty() ? repository_.ref : full_name);
}

void RepositoryReporter::published(const RefSelection::Choice& choice, const publish::PublishResult& outcome,
                                   std::uint64_t received_bytes, Now now) {
  const std::optional<ObjectId>& before = outcome.replaced ? outcome.replaced : outcome.previous;
  const bool anew = before == outcome.commit;
  log::info("published",
            anew ? "the commit that the folder shows was published anew" : "the folder shows the new commit",
            {{"repository", repository_.name},
             {"ref", ref_of(choice.ref)},
             {"commit", outcome.commit},
             {"previous", hex_of(before)},
             {"duration_ms", status_.last_sync_duration.count()},
             {"received_bytes", received_bytes},
             {"files", outcome.files},
             {"reused", outcome.reused}});
  Event event;
  event.kind = EventKind::published;
  event.ends_attempt = true;
  event.ref = ref_of(choice.ref);
  event.commit = outcome.commit;
  event.previous = before;
  event.duration = status_.last_sync_duration;
  event.received_bytes = received_bytes;
  tell(std::move(event), now);
}

void RepositoryReporter::found_published(const Published& published, const std::optional<ObjectId>& before, Now now) {
  status_.last_change = now.wall;
  steady_times_.last_change = now.steady;
  changed_ = true;
  log::info("published", "the folder shows the new commit, which an attempt before this one moved it to",
            {{"repository", repository_.name},
             {"ref", ref_of(published.ref)},
             {"commit", published.commit},
             {"previous", hex_of(before)}});
  Event event;
  event.kind = EventKind::published;
  event.ref = ref_of(published.ref);
  event.commit = published.commit;
  event.previous = before;
  tell(std::move(event), now);
}

void RepositoryReporter::failed(const Failed& failed, Now now) {
  // An unchanged failure is worth a line at the first, second, fourth, eighth… time; status and metrics count each.
  // That a remote was emptied is no trouble that grows with time: one line.
  const std::uint32_t unchanged = failed.failure.unchanged;
  const bool worth_a_line = emptied_ ? unchanged == 1 : std::has_single_bit(unchanged);
  const auto log_line = [&](const auto&... more) {
    log::write(worth_a_line ? log::Level::warning : log::Level::debug, "check_failed", failed.error.text(),
               {{"repository", repository_.name},
                {"ref", repository_.ref},
                {"class", failed.error.error_class()},
                {"failures", failed.failure.count},
                more...});
  };
  const log::Field retry("retry_in_ms", failed.retry_in.value_or(milliseconds(0)).count());
  const log::Field commit("commit", failed.refused.value_or(ObjectId()));
  if (failed.refused && failed.retry_in) {
    log_line(commit, retry);
  } else if (failed.refused) {
    log_line(commit);
  } else if (failed.retry_in) {
    log_line(retry);
  } else {
    log_line();
  }
  Event event;
  event.kind = EventKind::failed;
  event.ends_attempt = true;
  event.error_class = failed.error.error_class();
  event.text = failed.failure.text;
  event.failures = failed.failure.count;
  if (sync_began_) {
    event.in_sync = true;
    event.duration = duration_cast<microseconds>(now.steady - *sync_began_);
  }
  if (failed.throttled) {
    event.throttled = *failed.throttled;
    event.host = repository_.url.origin().authority();
  }
  tell(std::move(event), now);
}

void RepositoryReporter::succeeded(Now now) {
  status_.last_success = now.wall;
  steady_times_.last_success = now.steady;
}

void RepositoryReporter::recovered(const Failure& before, std::string_view message, Now now) {
  log::info("recovered", message,
            {{"repository", repository_.name}, {"class", before.error_class}, {"failures", before.count}});
  Event event;
  event.kind = EventKind::recovered;
  event.error_class = before.error_class;
  event.failures = before.count;
  tell(std::move(event), now);
}

void RepositoryReporter::lost_sight() noexcept {
  status_.commit.reset();
  status_.previous.reset();
}

void RepositoryReporter::found(const ObjectId& commit, const std::optional<ObjectId>& other) {
  status_.commit = commit;
  status_.link_resolves = true;
  if (!status_.previous) {
    status_.previous = other;
  }
}

void RepositoryReporter::remember_success(schedule::TimePoint last_success, Now now) {
  if (!status_.last_success) {
    status_.last_success = std::min(last_success, now.wall);
    steady_times_.last_success = now.steady - (now.wall - *status_.last_success);
  }
}

RepositoryStatus RepositoryReporter::status_at(Now now) const {
  RepositoryStatus status = status_;
  status.resolved_ref = log::redacted(status.resolved_ref);
  show_in_present_time(status.last_check, steady_times_.last_check, now);
  show_in_present_time(status.last_success, steady_times_.last_success, now);
  show_in_present_time(status.last_change, steady_times_.last_change, now);
  if (status.commit) {
    status.tree_path = link_.native();
  }
  return status;
}

}  // namespace adapter::sync
