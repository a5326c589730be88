// SPDX-License-Identifier: Apache-2.0
#include "former_links.hpp"

#include <optional>
#include <utility>

namespace adapter::publish {
namespace {

/// Whether `inner` is a path below `outer`.
bool lies_below(const std::string& inner, const std::string& outer) {
  return inner.starts_with(outer + "/");
}

}  // namespace

std::vector<Link> FormerLinks::in_the_way_of(const Link& link) const {
  std::vector<Link> found;
  for (const std::string& former : links_) {
    if (lies_below(former, link.relative()) || lies_below(link.relative(), former)) {
      Link other(data_dir_, name_, former, *doubts_);
      if (other.is_ours()) {
        found.push_back(std::move(other));
      }
    }
  }
  return found;
}

LinkView FormerLinks::look_past(const Link& link) const {
  return in_the_way_of(link).empty() ? link.look_for_ours() : LinkView{};
}

void FormerLinks::make_way_for(const Link& link, const std::stop_token& stop) const {
  for (const Link& former : in_the_way_of(link)) {
    former.remove({}, stop);
  }
}

std::vector<ObjectId> FormerLinks::shown_commits() const {
  std::vector<ObjectId> shown;
  for (const std::string& former : links_) {
    if (const std::optional<ObjectId> commit = Link(data_dir_, name_, former, *doubts_).shows()) {
      shown.push_back(*commit);
    }
  }
  return shown;
}

}  // namespace adapter::publish
