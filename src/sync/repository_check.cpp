// SPDX-License-Identifier: Apache-2.0
// One check of a remote, and what comes of it.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "missing_ref.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

/// What works in a repository's directory names files below it: the text of a storage error without an absolute path
/// gets the directory in front.
Error with_place(const Error& error, const std::filesystem::path& directory) {
  Error placed = error;
  if (error.error_class() == ErrorClass::storage && error.text().find(" /") == std::string::npos) {
    placed.add_context("in " + escape(directory.native()));
  }
  return placed;
}

}  // namespace

asio::awaitable<void> RepositoryTask::check() {
  co_await heal();
  machine_.enter(Phase::checking);
  free_publisher();
  auto looking = look();
  const RefSelection::Choice choice = co_await while_tree_stands(std::move(looking));
  co_await take_publisher();
  reporter_.remote_answered(choice, machine_.published().has_value(), Now::read());
  if (choice.kind == RefSelection::Choice::Kind::found) {
    near_refs_.reset();
  }
  if (choice.ambiguous && !std::exchange(warned_ambiguous_, true)) {
    log::warning(
        "ref_ambiguous",
        "the name fits several refs of the remote, such as a branch and a tag; write in full which one is meant",
        {{"repository", repository_.name}, {"ref", repository_.ref}, {"followed", choice.ref}});
  }
  switch (machine_.decide(choice)) {
    case Machine::Next::unchanged:
      co_await confirm_unchanged(choice);
      break;
    case Machine::Next::sync:
      if (machine_.note_change()) {
        log::info("hook_missed", "polling found what no webhook had announced; it is polled as often as before",
                  {{"repository", repository_.name}});
      }
      reporter_.checked(choice, machine_.published(), true, false, Now::read());
      co_await sync(choice);
      break;
    case Machine::Next::empty:
      if (!std::exchange(empty_reported_, true)) {
        log::info("remote_empty", "the remote has no commit yet", {{"repository", repository_.name}});
      }
      succeed(std::nullopt);
      reporter_.checked(choice, machine_.published(), false, true, Now::read());
      break;
    case Machine::Next::missing:
      co_await fail_missing(choice);
      break;
    case Machine::Next::refused: {
      const Refusal* const refusal = machine_.refusal(choice.tip);
      fail(Error(refusal->error_class, refusal->text), true, choice.tip);
      break;
    }
  }
}

/// The ref is not there. Refs of like names are asked for once, for as long as it is missing.
asio::awaitable<void> RepositoryTask::fail_missing(RefSelection::Choice choice) {
  if (!near_refs_) {
    free_publisher();
    auto asking = near_refs(choice);
    near_refs_ = co_await while_tree_stands(std::move(asking));
    co_await take_publisher();
  }
  fail(Error(ErrorClass::not_found, describe_missing(repository_.ref, choice, near_refs_.value(), shows_a_commit())),
       true);
}

asio::awaitable<RefSelection::Choice> RepositoryTask::look() {
  if (selection_.pinned()) {
    co_return selection_.choose(std::vector<wire::Ref>());
  }
  const RemoteGroup::Answer refs = co_await group_->refs(machine_.answer_not_before());
  shared_.host_waits.note_answered(repository_.url, group_->asked_at());
  co_return selection_.choose(*refs);
}

asio::awaitable<void> RepositoryTask::confirm_unchanged(RefSelection::Choice choice) {
  if (log::enabled(log::Level::debug)) {
    log::debug("unchanged", "the remote has nothing new",
               {{"repository", repository_.name}, {"commit", machine_.published()->commit}});
  }
  succeed(std::nullopt);
  if (remembers_success_) {
    journal_.edit().last_success = reporter_.status().last_success;
  }
  co_await journal_.save_if_possible(repository_.name);
  reporter_.checked(choice, machine_.published(), false, true, Now::read());
  co_await revisit_former_links();
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

void RepositoryTask::fail(const Error& cause, bool on_schedule, const std::optional<ObjectId>& refused) {
  const Error error = with_place(cause, directory_);
  const Now now = Now::read();
  machine_.fail(now, error, on_schedule);
  if (waits_for_files()) {
    shared_.file_failure.wake();
  }
  RepositoryReporter::Failed failed{.error = error, .failure = *machine_.failure(), .refused = refused};
  const std::chrono::milliseconds wait = machine_.retry_in(now);
  if (!last_retry_ || now.steady + wait <= *last_retry_) {
    failed.retry_in = wait;
  }
  if (error.retry_after()) {
    shared_.host_waits.note_asked(repository_.url, machine_.held_until(), now.steady);
    failed.throttled = wait;
  }
  reporter_.failed(failed, now);
}

void RepositoryTask::succeed(std::optional<Published> published) {
  const Now now = Now::read();
  reporter_.succeeded(now);
  const std::optional<Failure> before = machine_.failure();
  const bool recovered = machine_.succeed(now, std::move(published));
  if (recovered && before) {
    reporter_.recovered(*before, "checks succeed again", now);
  }
}

}  // namespace adapter::sync
