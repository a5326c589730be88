// SPDX-License-Identifier: Apache-2.0
// What a repository's task says about itself: log, status, progress.
#include <utility>

#include "adapter/log/log.hpp"
#include "repository_task.hpp"

namespace adapter::sync {

void RepositoryTask::note_facts(const store::CommitFacts& facts) {
  status_.submodules = facts.submodule_count;
  status_.lfs_pointers = facts.lfs_pointer_count;
  if (facts.submodule_count != 0) {
    log::info("submodules_present", "submodules are published as empty folders",
              {{"repository", repository_.name}, {"count", facts.submodule_count}, {"path", facts.submodules.front()}});
  }
  if (facts.lfs_pointer_count != 0) {
    log::info(
        "lfs_pointers_present", "files kept in LFS are published as their pointers",
        {{"repository", repository_.name}, {"count", facts.lfs_pointer_count}, {"path", facts.lfs_pointers.front()}});
  }
}

void RepositoryTask::note_outcome(const publish::Outcome& outcome) {
  status_.commit = outcome.commit;
  status_.previous = outcome.previous;
  status_.left_out_links = outcome.left_out_link_count;
  status_.last_change = Now::read().wall;
  changed_ = changed_ || outcome.changed;
  if (outcome.left_out_link_count != 0) {
    log::warning("links_left_out", "symbolic links that lead out of the tree are not published",
                 {{"repository", repository_.name},
                  {"commit", outcome.commit},
                  {"count", outcome.left_out_link_count},
                  {"path", outcome.left_out_links.front()}});
  }
}

void RepositoryTask::report_published(const RefSelection::Choice& choice, const publish::Outcome& outcome,
                                      std::uint64_t received_bytes) {
  const std::string previous = outcome.previous ? outcome.previous->to_hex() : std::string();
  log::info("published", "the folder shows the new commit",
            {{"repository", repository_.name},
             {"ref", choice.ref.empty() ? repository_.ref : choice.ref},
             {"commit", outcome.commit},
             {"previous", previous},
             {"duration_ms", status_.last_sync_duration.count()},
             {"received_bytes", received_bytes},
             {"files", outcome.files},
             {"reused", outcome.reused}});
}

void RepositoryTask::fail(const Error& error, bool on_schedule) {
  machine_.fail(Now::read(), error, on_schedule);
  log::warning("check_failed", error.text(),
               {{"repository", repository_.name},
                {"ref", repository_.ref},
                {"class", error.error_class()},
                {"failures", machine_.failure()->count},
                {"retry_in_ms", machine_.retry_in(Now::read()).count()}});
}

void RepositoryTask::succeed(std::optional<Published> published) {
  status_.last_success = Now::read().wall;
  const std::optional<Failure> before = machine_.failure();
  const bool recovered = machine_.succeed(Now::read(), std::move(published));
  if (recovered && before) {
    log::info("recovered", "checks succeed again",
              {{"repository", repository_.name}, {"class", before->error_class}, {"failures", before->count}});
  }
}

publish::PublishOptions RepositoryTask::publish_options() const {
  publish::PublishOptions options;
  options.symlinks = repository_.symlinks;
  options.share = repository_.share;
  options.limits = repository_.limits;
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
  status.next_due = machine_.next_due(at);
  if (status.commit) {
    status.tree_path = (data_dir_ / repository_.link).native();
  }
  return status;
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

}  // namespace adapter::sync
