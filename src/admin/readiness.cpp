// SPDX-License-Identifier: Apache-2.0
#include "readiness.hpp"

#include <algorithm>

namespace adapter::admin {
namespace {

using std::chrono::milliseconds;

/// "850 ms", "25 s", "4 min", "3 h", "12 d".
std::string rough(milliseconds time) {
  const std::int64_t ms = std::max<std::int64_t>(time.count(), 0);
  if (ms < 1'000) {
    return std::to_string(ms) + " ms";
  }
  if (ms < 120'000) {
    return std::to_string((ms + 500) / 1'000) + " s";
  }
  if (ms < 7'200'000) {
    return std::to_string((ms + 30'000) / 60'000) + " min";
  }
  if (ms < 172'800'000) {
    return std::to_string((ms + 1'800'000) / 3'600'000) + " h";
  }
  return std::to_string((ms + 43'200'000) / 86'400'000) + " d";
}

}  // namespace

std::string_view to_string(Health health) noexcept {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::failing:
      return "failing";
    case Health::stale:
      return "stale";
    case Health::pending:
      return "pending";
    case Health::empty:
      return "empty";
    case Health::suspended:
      return "suspended";
  }
  return "pending";
}

Judgement judge(const sync::RepositoryStatus& status, std::chrono::system_clock::time_point now) {
  Judgement judgement;
  if (status.last_success) {
    judgement.age = std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(now - *status.last_success));
  }
  if (status.phase == sync::Phase::suspended) {
    judgement.health = Health::suspended;
    judgement.ready = true;
    return judgement;
  }
  const bool published = status.commit.has_value() && status.link_resolves;
  const bool fresh =
      published &&
      (status.pinned || (judgement.age && (!status.max_staleness || *judgement.age <= *status.max_staleness)));
  judgement.ready = fresh;
  if (fresh) {
    judgement.health = status.failure ? Health::failing : Health::ok;
  } else if (status.failure || (published && judgement.age)) {
    judgement.health = Health::stale;
  } else if (!published && status.empty_remote) {
    judgement.health = Health::empty;
  }
  return judgement;
}

std::vector<NotReady> not_ready(const std::vector<sync::RepositoryStatus>& repositories,
                                std::chrono::system_clock::time_point now) {
  std::vector<NotReady> found;
  for (const sync::RepositoryStatus& status : repositories) {
    const Judgement judgement = judge(status, now);
    if (judgement.ready) {
      continue;
    }
    NotReady& entry = found.emplace_back();
    entry.name = status.name;
    entry.judgement = judgement;
    if (status.failure) {
      entry.error_class = status.failure->error_class;
      entry.since = status.failure->since;
    }
  }
  return found;
}

std::string waiting_for(const sync::RepositoryStatus& status, std::chrono::system_clock::time_point now) {
  const auto until_due = [&] {
    return status.next_due ? rough(std::chrono::ceil<milliseconds>(*status.next_due - now)) : std::string("a moment");
  };
  switch (status.phase) {
    case sync::Phase::recovering:
      return "looking at what the last run left";
    case sync::Phase::waiting:
      return status.next_due ? "due in " + until_due() : "nothing: it is not polled";
    case sync::Phase::checking:
      return "the remote's answer";
    case sync::Phase::queued:
      return "its turn: only so many syncs run at a time";
    case sync::Phase::fetching:
      return "the pack";
    case sync::Phase::publishing:
      return "the tree to be written";
    case sync::Phase::backing_off:
      return "retry in " + until_due() +
             (status.failure ? " after a failure of class " + std::string(to_string(status.failure->error_class)) : "");
    case sync::Phase::suspended:
      return "suspended by the configuration";
    case sync::Phase::stopped:
      return "stopped";
  }
  return {};
}

}  // namespace adapter::admin
