// SPDX-License-Identifier: Apache-2.0
// The way of one change: permit, objects, tree, link.
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "adapter/async/timeout.hpp"
#include "adapter/log/log.hpp"
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
  IngestSink(store::Ingest& ingest, const std::string& repository) : ingest_(ingest), repository_(repository) {}

  asio::awaitable<void> write(std::string_view bytes) override { return ingest_.write(bytes); }
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
  const std::string& repository_;
  int shown_lines_ = 0;
};

/// Shows a transfer as the one that runs, for as long as it lives.
class Receiving {
public:
  Receiving(store::Ingest*& place, store::Ingest& ingest) : place_(place) { place_ = &ingest; }
  ~Receiving() { place_ = nullptr; }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;

private:
  store::Ingest*& place_;
};

bool concerns_the_commit(const Error& error) {
  const ErrorClass error_class = error.error_class();
  return !error.retryable() &&
         (error_class == ErrorClass::limit || error_class == ErrorClass::policy || error_class == ErrorClass::corrupt);
}

}  // namespace

asio::awaitable<void> RepositoryTask::sync(RefSelection::Choice choice) {
  machine_.enter(Phase::queued);
  const async::Semaphore::Permit permit = co_await shared_.syncs.acquire();
  const ObjectId tip = choice.tip;
  sync_began_ = steady_clock::now();
  std::exception_ptr failure;
  bool refused = false;
  try {
    auto work = transfer(std::move(choice));
    co_await async::with_timeout(std::move(work), repository_.timeout, "the whole sync");
  } catch (const Error& error) {
    failure = std::current_exception();
    refused = concerns_the_commit(error);
    if (refused) {
      machine_.refuse(tip, error);
      fail(error, true);
    }
  }
  if (refused) {
    co_await save();
  }
  // After a failure too: what was kept for a commit that cannot be published would pile up.
  co_await tidy();
  if (failure && !refused) {
    std::rethrow_exception(failure);
  }
}

asio::awaitable<void> RepositoryTask::transfer(RefSelection::Choice choice) {
  const steady_clock::time_point began = steady_clock::now();
  machine_.enter(Phase::fetching);
  const std::uint64_t received_before = status_.received_bytes;
  const store::CommitFacts facts = co_await obtain(choice);
  note_facts(facts);
  machine_.enter(Phase::publishing);
  const publish::PublishOptions options = publish_options();
  publish::ReaderFactory make_reader = readers();
  const publish::Outcome outcome = co_await publisher_->publish(facts.commit, std::move(make_reader), options);
  note_outcome(outcome);
  status_.last_sync_duration = duration_cast<milliseconds>(steady_clock::now() - began);
  Published published;
  published.ref = choice.ref;
  published.tip = choice.tip;
  published.commit = facts.commit;
  published.settings = fingerprint_;
  succeed(std::move(published));
  std::exception_ptr unsaved;
  try {
    co_await save();
  } catch (...) {
    unsaved = std::current_exception();
  }
  // Published it is, with or without the note about it.
  report_published(choice, outcome, status_.received_bytes - received_before);
  if (unsaved) {
    std::rethrow_exception(unsaved);
  }
  co_await remove_former_links();
}

/// The commit in the store, verified: from what is held where that suffices, else from the remote.
asio::awaitable<store::CommitFacts> RepositoryTask::obtain(const RefSelection::Choice& choice) {
  std::optional<store::CommitFacts> held;
  if (store_->holdings().depth == repository_.depth) {
    held = co_await store_->verify(choice.tip);
  }
  if (!held) {
    store::CommitFacts fetched = co_await fetch(choice);
    co_return fetched;
  }
  store::Tip tip;
  tip.ref = choice.ref;
  tip.id = choice.tip;
  tip.depth = repository_.depth;
  std::unique_ptr<store::Ingest> nothing;
  store::CommitFacts facts = co_await store_->keep(std::move(nothing), std::move(tip));
  co_return facts;
}

asio::awaitable<store::CommitFacts> RepositoryTask::fetch(const RefSelection::Choice& choice) {
  const store::Holdings& holdings = store_->holdings();
  wire::FetchArguments arguments;
  arguments.wants.push_back(choice.tip);
  arguments.haves = holdings.tips;
  arguments.shallow = holdings.shallow;
  arguments.depth = repository_.depth;
  if (repository_.depth == 0 && !holdings.shallow.empty()) {
    arguments.depth = infinite_depth;
  }
  std::unique_ptr<store::Ingest> ingest = store_->begin();
  IngestSink sink(*ingest, repository_.name);
  transport::FetchResult result;
  {
    const Receiving receiving(receiving_, *ingest);
    result = co_await group_->remote().fetch(std::move(arguments), sink);
    last_progress_ = progress();
  }
  status_.received_bytes += result.pack_bytes;
  store::Tip tip;
  tip.ref = choice.ref;
  tip.id = choice.tip;
  tip.depth = repository_.depth;
  tip.shallow = std::move(result.shallow);
  tip.unshallow = std::move(result.unshallow);
  store::CommitFacts facts = co_await store_->keep(std::move(ingest), std::move(tip));
  co_return facts;
}

asio::awaitable<void> RepositoryTask::save() {
  RepositoryState state;
  state.url = repository_.url.to_string();
  state.link = repository_.link;
  state.former_links = former_links_;
  state.published = machine_.published();
  state.refusals = machine_.refusals();
  state.followed = repository_.ref;
  state.last_success = status_.last_success;
  auto job = [directory = directory_, state = std::move(state)](const std::stop_token&) {
    save_state(directory, state);
  };
  co_await async::run_blocking(shared_.workers, std::move(job));
}

/// A note that cannot be written must not turn a check that succeeded into a failure.
asio::awaitable<void> RepositoryTask::remember_success() {
  try {
    co_await save();
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;
    }
    log::debug("state_not_saved", error.text(), {{"repository", repository_.name}});
  }
}

/// Which links of earlier configurations there may be, on disk before the new one can be made.
asio::awaitable<void> RepositoryTask::note_links(RepositoryState state) {
  former_links_ = state.former_links;
  if (state.link != repository_.link) {
    former_links_.push_back(state.link);
  }
  std::erase(former_links_, repository_.link);
  if (former_links_.size() > max_former_links) {
    former_links_.erase(former_links_.begin());
  }
  if (state.link == repository_.link && state.former_links == former_links_) {
    co_return;
  }
  state.link = repository_.link;
  state.former_links = former_links_;
  auto job = [directory = directory_, noted = std::move(state)](const std::stop_token&) {
    save_state(directory, noted);
  };
  std::optional<Error> failure;
  try {
    co_await async::run_blocking(shared_.workers, std::move(job));
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;
    }
    failure = error;
  }
  if (failure) {
    // A volume that takes no note takes no new link either: what stands is served on.
    log::debug("state_not_saved", failure->text(), {{"repository", repository_.name}});
  }
}

/// The new link stands: nobody needs those of earlier configurations, which would soon lead nowhere.
asio::awaitable<void> RepositoryTask::remove_former_links() {
  const std::vector<std::string> former = former_links_;
  for (const std::string& link : former) {
    co_await remove_former_link(link);
  }
  if (former_links_ != former) {
    co_await save();
  }
}

/// What cannot be removed is left until the next start: it must not hold up what is configured now.
asio::awaitable<void> RepositoryTask::remove_former_link(std::string link) {
  std::optional<Error> failure;
  try {
    co_await publisher_->remove_former_link(link);
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;
    }
    failure = error;
  }
  if (failure) {
    log::warning("link_not_removed", failure->text(), {{"repository", repository_.name}, {"link", link}});
    co_return;
  }
  std::erase(former_links_, link);
  log::info("link_moved", "the link of an earlier configuration was removed",
            {{"repository", repository_.name}, {"link", link}});
}

/// What may be left for the next time: it must not turn a sync that succeeded into a failure.
asio::awaitable<void> RepositoryTask::tidy() {
  try {
    co_await publisher_->clean_up();
    co_await store_->housekeep();
  } catch (const Error& error) {
    log::warning("housekeeping_failed", error.text(),
                 {{"repository", repository_.name}, {"class", error.error_class()}});
  }
}

}  // namespace adapter::sync
