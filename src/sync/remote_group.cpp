// SPDX-License-Identifier: Apache-2.0
#include "remote_group.hpp"

#include <algorithm>
#include <utility>

#include "adapter/async/timeout.hpp"

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
                         TransferQueue* transfers, std::string host)
    : remote_(std::move(remote)), transfers_(transfers), host_(std::move(host)), turn_(std::move(executor), 1) {}

void RemoteGroup::join(const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    if (++prefixes_[prefix] == 1) {
      stale_prefixes_ = true;
    }
  }
}

void RemoteGroup::leave(const std::vector<std::string>& prefixes) {
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
    co_await ask_in_turn();
  }
  if (failure_) {
    throw Error(*failure_);
  }
  co_return answer_;
}

asio::awaitable<std::vector<wire::Ref>> RemoteGroup::refs_below(std::vector<std::string> prefixes) {
  const async::Semaphore::Permit turn = co_await turn_.acquire();
  auto question = remote_->ls_refs(std::move(prefixes));
  std::vector<wire::Ref> refs = co_await async::with_timeout(std::move(question), longest_check, "the check");
  co_return refs;
}

bool RemoteGroup::usable(std::chrono::steady_clock::time_point not_before) const noexcept {
  return !stale_prefixes_ && began_ >= not_before && (answer_ != nullptr || failure_.has_value());
}

/// The time in which a transfer holds the only connection is not the remote's.
asio::awaitable<void> RemoteGroup::ask_in_turn() {
  if (transfers_ == nullptr || !transfers_->shared_with_checks()) {
    co_await ask();
    co_return;
  }
  const TransferQueue::Place place = co_await transfers_->acquire(host_, false);
  co_await ask();
}

asio::awaitable<void> RemoteGroup::ask() {
  std::vector<std::string> prefixes;
  prefixes.reserve(prefixes_.size());
  for (const auto& [prefix, count] : prefixes_) {
    prefixes.push_back(prefix);
  }
  stale_prefixes_ = false;
  answer_ = nullptr;
  failure_.reset();
  began_ = std::chrono::steady_clock::now();
  try {
    auto question = remote_->ls_refs(std::move(prefixes));
    std::vector<wire::Ref> refs = co_await async::with_timeout(std::move(question), longest_check, "the check");
    const bool any = std::any_of(refs.begin(), refs.end(), [](const wire::Ref& ref) { return !ref.id.is_zero(); });
    if (!any) {
      // Nothing at all, or nothing of what was asked for? An empty repository is a state, a missing branch a failure.
      auto broad_question = remote_->ls_refs(std::vector<std::string>(1, "refs/"));
      std::vector<wire::Ref> all = co_await async::with_timeout(std::move(broad_question), longest_check, "the check");
      std::erase_if(refs, [](const wire::Ref& ref) { return ref.symref_target.empty(); });
      refs.insert(refs.end(), all.begin(), all.end());  // behind a HEAD that names its branch, which is not below refs/
    }
    answer_ = std::make_shared<const std::vector<wire::Ref>>(std::move(refs));
  } catch (const Error& error) {
    failure_ = error;
  }
}

}  // namespace adapter::sync
