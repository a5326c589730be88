// SPDX-License-Identifier: Apache-2.0
#include "ref_selection.hpp"

#include <algorithm>
#include <utility>

namespace adapter::sync {
namespace {

constexpr std::string_view head = "HEAD";
constexpr std::string_view branches = "refs/heads/";
constexpr std::string_view tags = "refs/tags/";

const wire::Ref* find(const std::vector<wire::Ref>& refs, std::string_view name) {
  const auto place = std::find_if(refs.begin(), refs.end(),
                                  [&](const wire::Ref& ref) { return ref.name == name && !ref.id.is_zero(); });
  return place == refs.end() ? nullptr : &*place;
}

RefSelection::Choice found(std::string name, const ObjectId& tip, bool ambiguous = false) {
  RefSelection::Choice choice;
  choice.kind = RefSelection::Choice::Kind::found;
  choice.ref = std::move(name);
  choice.tip = tip;
  choice.ambiguous = ambiguous;
  return choice;
}

}  // namespace

RefSelection::RefSelection(std::string ref) : ref_(std::move(ref)), pinned_(ObjectId::from_hex(ref_)) {
  if (pinned_) {
    return;
  }
  prefixes_.emplace_back(head);
  if (ref_ == head) {
    return;
  }
  if (ref_.starts_with("refs/")) {
    prefixes_.push_back(ref_);
    return;
  }
  prefixes_.push_back(std::string(branches) + ref_);
  prefixes_.push_back(std::string(tags) + ref_);
}

RefSelection::Choice RefSelection::choose(const std::vector<wire::Ref>& refs) const {
  if (pinned_) {
    return found(std::string(), *pinned_);
  }
  const wire::Ref* const default_branch = find(refs, head);
  if (ref_ == head && default_branch != nullptr) {
    return found(default_branch->symref_target, default_branch->id);
  }
  if (ref_.starts_with("refs/")) {
    if (const wire::Ref* const exact = find(refs, ref_)) {
      return found(exact->name, exact->id);
    }
  } else if (ref_ != head) {
    const wire::Ref* const branch = find(refs, std::string(branches) + ref_);
    const wire::Ref* const tag = find(refs, std::string(tags) + ref_);
    if (const wire::Ref* const taken = branch != nullptr ? branch : tag) {
      return found(taken->name, taken->id, branch != nullptr && tag != nullptr);
    }
  }
  const bool any = std::any_of(refs.begin(), refs.end(), [](const wire::Ref& ref) { return !ref.id.is_zero(); });
  Choice choice;
  // `refs` are all there are when nothing was found among those asked for: only the absence of everything means
  // "empty".
  choice.kind = any ? Choice::Kind::missing : Choice::Kind::empty_remote;
  return choice;
}

bool RefSelection::concerns(std::string_view pushed, std::string_view resolved) const {
  if (pushed.empty()) {
    return true;
  }
  if (!resolved.empty()) {
    return pushed == resolved;
  }
  if (ref_ == head) {
    return pushed.starts_with(branches);  // which one it is shows when it is there
  }
  return pushed == ref_ || pushed == std::string(branches) + ref_ || pushed == std::string(tags) + ref_;
}

}  // namespace adapter::sync
