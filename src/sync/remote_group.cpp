// SPDX-License-Identifier: Apache-2.0
#include "remote_group.hpp"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

#include "adapter/async/timeout.hpp"
#include "adapter/base/text.hpp"
#include "check_watch.hpp"
#include "missing_ref.hpp"
#include "watched_question.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

/// Of one right while another one is waited for.
constexpr std::chrono::seconds longest_hold{5};

Error ended_for_another_request(const std::string& host) {
  return Error(ErrorClass::timeout,
               "the check was ended: less than 64 KiB a second of the list of refs arrived for 10 s while another "
               "repository waited for a connection to " +
                   escape(host) + " (concurrency.connections_per_host); it is tried again");
}

}  // namespace

RemoteKey RemoteKey::of(const config::Repository& repository) {
  RemoteKey key;
  key.url = repository.url.to_string();
  key.ca_file = repository.ca_file.value_or(std::filesystem::path());
  key.allow_insecure = repository.allow_insecure;
  key.allow_loopback = repository.allow_loopback;
  key.max_refs = repository.limits.max_refs;
  key.max_advertisement_bytes = repository.limits.max_advertisement_bytes;
  return key;
}

RemoteGroup::RemoteGroup(asio::any_io_executor executor, std::unique_ptr<transport::Remote> remote,
                         TransferQueue* transfers, std::string host, BroadQuestions* broad_questions,
                         HostTurns* connections)
    : remote_(std::move(remote)),
      transfers_(transfers),
      host_(std::move(host)),
      turn_(std::move(executor), 1),
      broad_questions_(broad_questions),
      connections_(connections) {}

void RemoteGroup::join(const std::vector<std::string>& prefixes) {
  ++entries_;
  for (const std::string& prefix : prefixes) {
    if (++prefixes_[prefix] == 1) {
      stale_prefixes_ = true;
    }
  }
}

void RemoteGroup::leave(const std::vector<std::string>& prefixes) {
  --entries_;
  for (const std::string& prefix : prefixes) {
    const auto place = prefixes_.find(prefix);
    if (place != prefixes_.end() && --place->second == 0) {
      prefixes_.erase(place);
    }
  }
}

asio::awaitable<RemoteGroup::Answer> RemoteGroup::refs(std::chrono::steady_clock::time_point not_before) {
  const async::Semaphore::Permit turn = co_await turn_.acquire();
  if (!usable(not_before)) {
    co_await refresh();
  }
  if (failure_) {
    throw Error(*failure_);
  }
  Answer answer = answer_;
  unread_ -= unread_ > 0 ? 1U : 0U;
  if (unread_ == 0) {
    answer_ = nullptr;
  }
  co_return answer;
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::refs_below(std::vector<std::string> prefixes) {
  const async::Semaphore::Permit turn = co_await turn_.acquire();
  was_slow_ = false;
  std::vector<wire::Ref> refs = co_await ask_broadly(std::move(prefixes));
  note_answered();
  co_return refs;
}

bool RemoteGroup::usable(std::chrono::steady_clock::time_point not_before) const noexcept {
  return !stale_prefixes_ && began_ >= not_before && (answer_ != nullptr || failure_.has_value());
}

/// A remote that answers slowly keeps its checks among the transfers: else every other one would be ended again.
void RemoteGroup::note_answered() noexcept {
  times_ended_ = was_slow_ ? std::min<std::size_t>(times_ended_, 1) : 0;
}

bool RemoteGroup::needs_place() const noexcept {
  return transfers_ != nullptr && (transfers_->shared_with_checks() || times_ended_ > 0);
}

/// The time in which others hold the host's connections is not the remote's.
asio::awaitable<HostAccess> RemoteGroup::access_to_host() {
  requested_at_ = steady_clock::now();
  std::optional<HostAccess> free = try_access_to_host();
  if (free.has_value()) {
    co_return std::move(*free);
  }
  const steady_clock::time_point deadline = steady_clock::now() + HostTurns::longest_wait_for_connection;
  Error late = no_connection_came_free(host_);
  auto waiting = wait_for_host();
  HostAccess access = co_await async::with_deadline(std::move(waiting), deadline, std::move(late));
  co_return std::move(access);
}

asio::awaitable<HostAccess> RemoteGroup::wait_for_host() {
  HostAccess access;
  if (needs_place() && connections_ != nullptr) {
    access = co_await acquire_place_and_connection(*transfers_, *connections_, host_, times_ended_);
  } else if (needs_place()) {
    TransferQueue::Place given = co_await transfers_->acquire(host_, times_ended_);
    access.place.emplace(std::move(given));
  } else if (connections_ != nullptr) {
    access.connection = co_await connections_->acquire(host_);
  }
  co_return std::move(access);
}

/// Nullopt when something that it needs is taken or waited for.
std::optional<HostAccess> RemoteGroup::try_access_to_host() {
  HostAccess access;
  if (needs_place()) {
    access.place = transfers_->try_acquire(host_);
  }
  std::optional<HostTurns::Turn> connection = HostTurns::Turn();
  if (connections_ != nullptr) {
    connection = connections_->try_acquire(host_);
  }
  const bool lacks_place = needs_place() && !access.place.has_value();
  if (lacks_place || !connection.has_value()) {
    return std::nullopt;
  }
  access.connection = std::move(*connection);
  return access;
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::put(std::vector<std::string> prefixes, std::size_t most_kept,
                                                         HostAccess& access) {
  requested_at_ = steady_clock::now();
  auto question = remote_->ls_refs(std::move(prefixes), most_kept);
  auto end = until_given_up(access);
  std::vector<wire::Ref> refs = co_await run_until(std::move(question), std::move(end));
  co_return refs;
}

/// A check with a place of a transfer is judged as one. What other requests to the remote receive counts too.
asio::awaitable<std::optional<Error>> RemoteGroup::until_given_up(HostAccess& access) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  CheckWatch watch(steady_clock::now());
  std::uint64_t before = remote_->received_bytes();
  const bool has_place = access.place.has_value();
  if (has_place) {
    access.place->received(0);  // its rate counts from now on: a check needs no preparation
  }
  while (true) {
    timer.expires_after(CheckWatch::between_looks);
    co_await timer.async_wait(asio::use_awaitable);
    const std::uint64_t received = remote_->received_bytes();
    const std::uint64_t new_bytes = received - std::exchange(before, received);
    if (has_place) {
      access.place->received(new_bytes);
    }
    const bool is_waited_for = !has_place && access.connection.is_waited_for();
    const CheckWatch::Verdict verdict = watch.look(new_bytes, is_waited_for, steady_clock::now());
    was_slow_ = was_slow_ || watch.was_slow();
    const bool lost_place = has_place && access.place->was_ended();
    if (lost_place || verdict == CheckWatch::Verdict::ends_for_another) {
      ++times_ended_;
      co_return ended_for_another_request(host_);
    }
    if (verdict == CheckWatch::Verdict::took_too_long) {
      co_return async::timeout_error("the check", CheckWatch::longest);
    }
  }
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::ask(std::vector<std::string> prefixes, std::size_t most_kept) {
  HostAccess access = co_await access_to_host();
  std::vector<wire::Ref> refs = co_await put(std::move(prefixes), most_kept, access);
  co_return refs;
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::ask_broadly(std::vector<std::string> prefixes) {
  if (broad_questions_ == nullptr) {
    std::vector<wire::Ref> unbounded = co_await ask(std::move(prefixes), max_compared_refs);
    co_return unbounded;
  }
  const BroadQuestions::Turn turn = co_await broad_questions_->acquire(host_);
  BroadAccess access = co_await broad_access();
  auto question = put(std::move(prefixes), max_compared_refs, access.host);
  std::vector<wire::Ref> refs =
      co_await broad_questions_->run(turn, std::move(access.place), *remote_, std::move(question));
  co_return refs;
}

/// At first neither right is held while the other one is waited for, and later for a moment only: a transfer at this
/// host would hold up the questions of all hosts, and slow questions of other hosts the transfers of this one.
asio::awaitable<RemoteGroup::BroadAccess> RemoteGroup::broad_access() {
  const steady_clock::time_point deadline = steady_clock::now() + HostTurns::longest_wait_for_connection;
  BroadAccess access;
  for (bool holds = false; steady_clock::now() < deadline; holds = true) {
    access.host = co_await access_to_host();
    std::optional<BroadQuestions::Place> place = broad_questions_->try_place();
    if (!place.has_value() && holds) {
      auto waiting = broad_questions_->acquire_place();
      place = co_await if_soon(std::move(waiting));
    }
    if (place.has_value()) {
      access.place = std::move(*place);
      co_return std::move(access);
    }
    access.host = HostAccess();
    access.place = co_await broad_questions_->acquire_place();
    std::optional<HostAccess> host = try_access_to_host();
    if (!host.has_value() && holds) {
      auto waiting = access_to_host();
      host = co_await if_soon(std::move(waiting));
    }
    if (host.has_value()) {
      access.host = std::move(*host);
      co_return std::move(access);
    }
    access.place.release();
  }
  throw Error(no_connection_came_free(host_));
}

/// Nullopt where it is not there within longest_hold.
template <class T>
asio::awaitable<std::optional<T>> RemoteGroup::if_soon(asio::awaitable<T> right) {
  std::optional<T> soon;
  try {
    Error late(ErrorClass::timeout, "it is not there yet");
    T there = co_await async::with_deadline(std::move(right), steady_clock::now() + longest_hold, std::move(late));
    soon.emplace(std::move(there));
  } catch (const Error& error) {
    if (error.error_class() != ErrorClass::timeout) {
      throw;
    }
  }
  co_return std::move(soon);
}

asio::awaitable<void> RemoteGroup::refresh() {
  std::vector<std::string> prefixes;
  prefixes.reserve(prefixes_.size());
  for (const auto& [prefix, count] : prefixes_) {
    prefixes.push_back(prefix);
  }
  stale_prefixes_ = false;
  was_slow_ = false;
  answer_ = nullptr;
  failure_.reset();
  try {
    std::vector<wire::Ref> refs = co_await ask(std::move(prefixes), wire::all_refs);
    began_ = requested_at_;
    const bool any = std::any_of(refs.begin(), refs.end(), [](const wire::Ref& ref) { return !ref.id.is_zero(); });
    if (!any) {
      // Nothing at all, or nothing of what was asked for? An empty repository is a state, a missing branch a failure.
      const std::vector<wire::Ref> all = co_await ask_broadly(std::vector<std::string>(1, "refs/"));
      keep_needed(refs, all);
      remote_->forget_redirect();  // the refs may be at the configured URL
    }
    answer_ = std::make_shared<const std::vector<wire::Ref>>(std::move(refs));
    unread_ = entries_;
    note_answered();
  } catch (const Error& error) {
    began_ = requested_at_;
    failure_ = error;
  }
}

/// Of a broad answer, behind a HEAD that names its branch, which is not below refs/.
void RemoteGroup::keep_needed(std::vector<wire::Ref>& refs, const std::vector<wire::Ref>& all) const {
  std::erase_if(refs, [](const wire::Ref& ref) { return ref.symref_target.empty(); });
  bool any = false;
  for (const wire::Ref& ref : all) {
    const bool wanted = prefixes_.contains(ref.name);  // pushed since the first question
    if (!ref.id.is_zero() && (wanted || !any)) {
      refs.push_back(ref);
      any = true;
    }
  }
}

}  // namespace adapter::sync
