// SPDX-License-Identifier: Apache-2.0
#include "pruner.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "machine.hpp"

namespace adapter::sync {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What is due and could not be deleted, or is still needed, is looked at again after this.
constexpr std::chrono::seconds retry_interval{60};

/// Names the repository whose files are taken out of use, for as long as it lives.
class Retiring {
public:
  Retiring(std::string& place, std::string name) : place_(place) { place_ = std::move(name); }
  ~Retiring() { place_.clear(); }
  Retiring(const Retiring&) = delete;
  Retiring& operator=(const Retiring&) = delete;

private:
  std::string& place_;
};

}  // namespace

Pruner::Pruner(const asio::any_io_executor& executor, async::Workers& workers, OldTrees& old_trees,
               publish::Doubts& doubts)
    : workers_(workers), old_trees_(old_trees), doubts_(doubts), wakeup_(executor), retiring_permit_(executor, 1) {}

void Pruner::configure(const config::Config& config) {
  configured_ = ConfiguredLinks::of(config);
  ++*generation_;
  schedule_.set_delay(config.prune);
  for (const auto& [name, link] : configured_.link_of) {
    schedule_.forget(name);
  }
  wakeup_.wake();
}

void Pruner::note_ended(const std::string& name) {
  const auto place = ending_.find(name);
  if (place != ending_.end() && --place->second == 0) {
    ending_.erase(place);
    wakeup_.wake();
  }
}

void Pruner::note_published() noexcept {
  if (!told_.empty()) {
    wakeup_.wake();
  }
}

asio::awaitable<void> Pruner::run() {
  request_deletion();  // of a run that was killed
  while (true) {
    co_await look();
    // Each deletion may take minutes, and the configuration may change meanwhile: what is due is asked before each one.
    std::set<std::string> tried;
    while (const std::optional<std::string> name = next_due(tried)) {
      tried.insert(*name);
      co_await remove_due(*name);
    }
    const steady_clock::time_point now = steady_clock::now();
    steady_clock::time_point next = schedule_.next_due(now);
    if (!told_.empty() && schedule_.deletes()) {
      next = std::min<steady_clock::time_point>(next, now + retry_interval);
    }
    co_await wakeup_.wait_until(next);
  }
}

std::optional<std::string> Pruner::next_due(const std::set<std::string>& tried) const {
  const std::vector<std::string> due = schedule_.due(steady_clock::now());
  const auto next = std::find_if(due.begin(), due.end(), [&](const auto& name) { return !tried.contains(name); });
  return next == due.end() ? std::nullopt : std::optional(*next);
}

asio::awaitable<void> Pruner::remove_due(std::string name) {
  const std::optional<Error> failure = co_await remove(name, true);
  if (!failure) {
    told_.erase(name);
  } else if (std::exchange(told_[name], failure->text()) != failure->text()) {
    log::warning("prune_failed", failure->text(), {{"repository", name}, {"class", failure->error_class()}});
  }
}

/// What is gone now, noted in the schedule.
asio::awaitable<std::vector<Leftover>> Pruner::look() {
  std::vector<Leftover> leftovers;
  try {
    auto job = [configured = configured_](const std::stop_token&) { return find_leftovers(configured); };
    leftovers = co_await async::run_blocking(workers_, std::move(job), "look for what is no longer configured",
                                             async::Lane::quick);
  } catch (const Error& error) {
    // Without knowing what is needed nothing is deleted; the delay goes on.
    log::warning("prune_failed", error.text(), {{"class", error.error_class()}});
    co_return leftovers;
  }
  std::vector<std::string> gone;
  for (const Leftover& leftover : leftovers) {
    if (!configured_.link_of.contains(leftover.name)) {  // a reload may have come in between
      gone.push_back(leftover.name);
    }
  }
  std::erase_if(told_, [&](const auto& each) { return std::find(gone.begin(), gone.end(), each.first) == gone.end(); });
  const steady_clock::time_point now = steady_clock::now();
  for (const std::string& name : schedule_.observe(now, gone, !configured_.link_of.empty())) {
    if (schedule_.due_at(name) != PruneSchedule::never) {
      const auto left = duration_cast<milliseconds>(schedule_.due_at(name) - now);
      log::info("prune_planned", "a repository left the configuration; it is removed unless it comes back",
                {{"repository", name}, {"after_ms", left.count()}});
    }
  }
  co_return leftovers;
}

/// The failure, or nullopt when it is gone, or `by_schedule` no longer due.
asio::awaitable<std::optional<Error>> Pruner::remove(std::string name, bool by_schedule) {
  std::optional<Error> failure;
  try {
    bool retired = false;
    while (!retired) {
      if (by_schedule && schedule_.due_at(name) > steady_clock::now()) {
        co_return std::nullopt;
      }
      const std::uint64_t generation = *generation_;
      Leftover leftover = co_await find_removable(name);
      const async::Semaphore::Permit permit = co_await retiring_permit_.acquire();
      // A configuration that came meanwhile may need what was found: it is looked at again.
      if (*generation_ == generation) {
        retired = co_await retire(std::move(leftover), generation);
      }
    }
    request_deletion();
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;  // what is left goes at the next start
    }
    failure = error;
  }
  co_return failure;
}

/// Throws the reason why it is not to be removed.
asio::awaitable<Leftover> Pruner::find_removable(std::string name) {
  if (configured_.link_of.empty()) {
    throw Error(ErrorClass::config, "no repository is configured; nothing is removed until there is one again");
  }
  auto job = [configured = configured_, name](const std::stop_token&) { return find_leftover(configured, name); };
  std::optional<Leftover> leftover =
      co_await async::run_blocking(workers_, std::move(job), "look for what a repository left", async::Lane::quick);
  if (!leftover) {
    throw Error(ErrorClass::config, "it has left nothing in the volume, or is configured");
  }
  if (!leftover->needed_by.empty()) {
    throw Error(ErrorClass::storage, "the link \"" + leftover->needed_by +
                                         "\" of a configured repository still leads into its trees; it is removed once "
                                         "that repository has published");
  }
  co_return std::move(*leftover);
}

/// With the permit. False when the configuration changed before the last step began: it may need what is still there.
/// What comes after that step has begun finds the repository gone, as if it had come a moment later.
asio::awaitable<bool> Pruner::retire(Leftover leftover, std::uint64_t generation) {
  if (ending_.contains(leftover.name)) {
    throw Error(ErrorClass::storage, "its last work on the volume has not ended; it is removed afterwards");
  }
  const Retiring retiring(retiring_, leftover.name);
  const auto publisher =
      publish::make_publisher(workers_, configured_.data_dir, leftover.name, leftover.links.front(), doubts_);
  for (std::size_t i = 1; i < leftover.links.size(); ++i) {
    std::string former = leftover.links[i];
    std::function<bool()> unchanged = is_generation(generation);
    const bool removed = co_await publisher->remove_former_link(std::move(former), std::move(unchanged));
    if (!removed || *generation_ != generation) {
      co_return false;
    }
  }
  OldTrees::Hold hold(old_trees_, leftover.name);
  co_await hold.wait_for_end_of_slice();  // two deletions must not meet in one folder
  std::function<bool()> unchanged = is_generation(generation);
  const bool retired = co_await publisher->retire_all(std::move(unchanged));
  if (retired) {
    log::info("pruned", "a repository that is no longer configured was removed", {{"repository", leftover.name}});
  }
  co_return retired;
}

void Pruner::request_deletion() {
  old_trees_.request(configured_.data_dir, volume::retired_repositories);
}

std::vector<std::string> Pruner::links_of_others(const std::string& name) const {
  std::vector<std::string> links;
  for (const auto& [other, link] : configured_.link_of) {
    if (other != name) {
      links.push_back(link);
    }
  }
  return links;
}

std::function<bool()> Pruner::is_generation(std::uint64_t generation) const {
  return [generations = generation_, generation] { return *generations == generation; };
}

asio::awaitable<void> Pruner::wait_until_free(std::string name) {
  if (retiring_ == name) {
    const async::Semaphore::Permit permit = co_await retiring_permit_.acquire();
  }
}

asio::awaitable<std::vector<std::string>> Pruner::remove_former_links(publish::Publisher& publisher, std::string name,
                                                                      std::vector<std::string> links) {
  std::vector<std::string> settled;
  for (const std::string& link : links) {
    std::optional<Error> failure;
    try {
      if (configured_.is_claimed(link)) {
        // Left to the repository that claims it: that one replaces it in one step.
        auto job = [data_dir = configured_.data_dir, link](const std::stop_token&) {
          return publish::owner_of_link(data_dir, link);
        };
        const std::optional<std::string> owner =
            co_await async::run_blocking(workers_, std::move(job), "look whose tree a link shows", async::Lane::quick);
        if (owner != name) {
          settled.push_back(link);
        }
        continue;
      }
      std::string former = link;
      std::function<bool()> unchanged = is_generation(*generation_);
      const bool removed = co_await publisher.remove_former_link(std::move(former), std::move(unchanged));
      if (!removed) {
        continue;  // a reload may have given it to another repository: it is looked at again
      }
      settled.push_back(link);
      log::info("link_moved", "the link of an earlier configuration was removed",
                {{"repository", name}, {"link", link}});
    } catch (const Error& error) {
      if (error.error_class() == ErrorClass::cancelled) {
        throw;
      }
      failure = error;
    }
    if (failure) {
      log::warning("link_not_removed", failure->text(), {{"repository", name}, {"link", link}});
    }
  }
  co_return settled;
}

asio::awaitable<std::vector<PruneCandidate>> Pruner::candidates() {
  std::vector<Leftover> leftovers = co_await look();
  std::vector<PruneCandidate> candidates;
  const steady_clock::time_point now = steady_clock::now();
  for (Leftover& leftover : leftovers) {
    if (configured_.link_of.contains(leftover.name)) {
      continue;
    }
    PruneCandidate candidate;
    candidate.name = leftover.name;
    candidate.directory = (configured_.data_dir / volume::own_path(leftover.name)).native();
    candidate.links = std::move(leftover.leading);
    candidate.needed_by = leftover.needed_by;
    candidate.held = configured_.link_of.empty();
    const steady_clock::time_point due = schedule_.due_at(leftover.name);
    if (due != PruneSchedule::never) {
      candidate.due_in = std::max(milliseconds(0), duration_cast<milliseconds>(due - now));
    }
    candidates.push_back(std::move(candidate));
  }
  co_return candidates;
}

asio::awaitable<std::vector<PruneResult>> Pruner::prune_now(std::vector<std::string> names) {
  std::vector<PruneResult> results;
  for (const std::string& name : names) {
    PruneResult result;
    result.name = name;
    result.error = co_await remove(name, false);
    results.push_back(std::move(result));
  }
  wakeup_.wake();
  co_await old_trees_.wait_until_deleted(volume::retired_repositories);
  co_return results;
}

}  // namespace adapter::sync
