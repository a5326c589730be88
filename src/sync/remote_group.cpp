// SPDX-License-Identifier: Apache-2.0
#include "remote_group.hpp"

#include <algorithm>
#include <utility>

#include "adapter/async/timeout.hpp"
#include "missing_ref.hpp"

namespace adapter::sync {
namespace {

/// A list of refs of the largest size comes within it at a megabyte a second; one that trickles is given up.
constexpr std::chrono::minutes longest_check{2};

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
                         TransferQueue* transfers, std::string host, BroadQuestions* broad_questions)
    : remote_(std::move(remote)),
      transfers_(transfers),
      host_(std::move(host)),
      turn_(std::move(executor), 1),
      broad_questions_(broad_questions) {}

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
  std::vector<wire::Ref> refs = co_await ask_broadly(std::move(prefixes));
  co_return refs;
}

bool RemoteGroup::usable(std::chrono::steady_clock::time_point not_before) const noexcept {
  return !stale_prefixes_ && began_ >= not_before && (answer_ != nullptr || failure_.has_value());
}

/// The time in which a transfer holds the only connection is not the remote's.
asio::awaitable<std::optional<TransferQueue::Place>> RemoteGroup::place_at_host() {
  std::optional<TransferQueue::Place> place;
  if (transfers_ != nullptr && transfers_->shared_with_checks()) {
    TransferQueue::Place given = co_await transfers_->acquire(host_, 0);
    place.emplace(std::move(given));
  }
  co_return std::move(place);
}

/// False when the host's only connection is taken or waited for.
bool RemoteGroup::try_place_at_host(std::optional<TransferQueue::Place>& place) {
  if (transfers_ == nullptr || !transfers_->shared_with_checks()) {
    return true;
  }
  place = transfers_->try_acquire(host_);
  return place.has_value();
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::put(std::vector<std::string> prefixes, std::size_t most_kept) {
  requested_at_ = std::chrono::steady_clock::now();
  auto question = remote_->ls_refs(std::move(prefixes), most_kept);
  std::vector<wire::Ref> refs = co_await async::with_timeout(std::move(question), longest_check, "the check");
  co_return refs;
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::ask(std::vector<std::string> prefixes, std::size_t most_kept) {
  const std::optional<TransferQueue::Place> place = co_await place_at_host();
  std::vector<wire::Ref> refs = co_await put(std::move(prefixes), most_kept);
  co_return refs;
}

/// Neither place is held while the other one is waited for: a transfer at this host would hold up the questions of all
/// hosts, and slow questions of other hosts the transfers of this one.
asio::awaitable<std::vector<wire::Ref>> RemoteGroup::ask_broadly(std::vector<std::string> prefixes) {
  if (broad_questions_ == nullptr) {
    std::vector<wire::Ref> unbounded = co_await ask(std::move(prefixes), max_compared_refs);
    co_return unbounded;
  }
  const BroadQuestions::Turn turn = co_await broad_questions_->acquire(host_);
  std::optional<TransferQueue::Place> at_host;
  std::optional<BroadQuestions::Place> place;
  while (!place.has_value()) {
    at_host = co_await place_at_host();
    place = broad_questions_->try_place();
    if (!place.has_value()) {
      at_host.reset();
      BroadQuestions::Place given = co_await broad_questions_->acquire_place();
      if (try_place_at_host(at_host)) {
        place.emplace(std::move(given));
      }
    }
  }
  auto question = put(std::move(prefixes), max_compared_refs);
  std::vector<wire::Ref> refs = co_await broad_questions_->run(turn, std::move(*place), *remote_, std::move(question));
  co_return refs;
}

asio::awaitable<void> RemoteGroup::refresh() {
  std::vector<std::string> prefixes;
  prefixes.reserve(prefixes_.size());
  for (const auto& [prefix, count] : prefixes_) {
    prefixes.push_back(prefix);
  }
  stale_prefixes_ = false;
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
