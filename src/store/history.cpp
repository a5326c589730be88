// SPDX-License-Identifier: Apache-2.0
#include "history.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t max_walked_commits = 5'000'000;

struct Walker {
  std::vector<ObjectId> order;
  std::vector<std::uint32_t> generation;  ///< beside `order`, from 1
  std::unordered_set<ObjectId> seen;

  void add(const ObjectId& id, std::uint32_t at) {
    if (seen.insert(id).second) {
      order.push_back(id);
      generation.push_back(at);
    }
  }
};

/// What was found, and which of the commits that have parents lack one.
History boundary_of(const Walker& walker, const std::unordered_map<ObjectId, std::vector<ObjectId>>& ends,
                    const std::unordered_set<ObjectId>& missing) {
  History history;
  for (const ObjectId& id : walker.order) {
    if (!missing.contains(id)) {
      history.commits.push_back(id);
    }
  }
  for (const auto& [id, parents] : ends) {
    const bool whole = std::all_of(parents.begin(), parents.end(), [&](const ObjectId& parent) {
      return walker.seen.contains(parent) && !missing.contains(parent);
    });
    if (!whole) {
      history.shallow.push_back(id);
    }
  }
  std::sort(history.shallow.begin(), history.shallow.end());
  return history;
}

}  // namespace

History walk_history(ObjectSource& source, std::span<const ObjectId> tips, std::uint32_t depth,
                     std::span<const ObjectId> shallow, std::span<const ObjectId> known, const std::stop_token& stop) {
  const std::unordered_set<ObjectId> boundary(shallow.begin(), shallow.end());
  std::unordered_set<ObjectId> complete;
  if (depth == 0 && shallow.empty()) {
    complete.insert(known.begin(), known.end());
  }
  Walker walker;
  std::unordered_map<ObjectId, std::vector<ObjectId>> ends;  // commits that may have parents outside
  std::unordered_set<ObjectId> missing;
  for (const ObjectId& tip : tips) {
    walker.add(tip, 1);
  }
  for (std::size_t at = 0; at < walker.order.size(); ++at) {
    throw_if_stopped(stop, "the walk through the history");
    if (at > max_walked_commits) {
      throw Error(ErrorClass::limit, "the history has more than " + std::to_string(max_walked_commits) + " commits");
    }
    const ObjectId id = walker.order[at];
    if (complete.contains(id)) {
      continue;
    }
    const auto bytes = source.read(id, ObjectType::commit, max_commit_or_tag_bytes);
    if (!bytes) {
      if (depth == 0) {
        throw Error(ErrorClass::corrupt, "the commit " + id.to_hex() + " is missing from the history");
      }
      missing.insert(id);
      continue;
    }
    auto links = parse_commit(*bytes);
    if (!links) {
      throw Error(ErrorClass::corrupt, "the commit " + id.to_hex() + " is malformed");
    }
    if (links->parents.empty()) {
      continue;
    }
    const bool last = depth != 0 && walker.generation[at] >= depth;
    if (!last && !boundary.contains(id)) {
      for (const ObjectId& parent : links->parents) {
        walker.add(parent, walker.generation[at] + 1);
      }
    }
    if (depth != 0 || boundary.contains(id)) {
      ends.emplace(id, std::move(links->parents));
    }
  }
  return boundary_of(walker, ends, missing);
}

}  // namespace adapter::store
