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
    names_.push_back(ref_);
  } else {
    if (ref_.find('/') != std::string::npos) {  // one word would ask for all that begins with it: "t" for each tag
      names_.push_back("refs/" + ref_);
    }
    names_.push_back(std::string(branches) + ref_);
    names_.push_back(std::string(tags) + ref_);
  }
  prefixes_.insert(prefixes_.end(), names_.begin(), names_.end());
}

RefSelection::Choice RefSelection::choose(const std::vector<wire::Ref>& refs) const {
  if (pinned_) {
    return found(std::string(), *pinned_);
  }
  const wire::Ref* const default_branch = find(refs, head);
  if (ref_ == head && default_branch != nullptr) {
    return found(default_branch->symref_target, default_branch->id);
  }
  const wire::Ref* taken = nullptr;
  bool ambiguous = false;
  for (const std::string& name : names_) {
    const wire::Ref* const candidate = find(refs, name);
    ambiguous |= taken != nullptr && candidate != nullptr;
    taken = taken != nullptr ? taken : candidate;
  }
  if (taken != nullptr) {
    return found(taken->name, taken->id, ambiguous);
  }
  const bool any = std::any_of(refs.begin(), refs.end(), [](const wire::Ref& ref) { return !ref.id.is_zero(); });
  Choice choice;
  // `refs` are all there are when nothing was found among those asked for: only the absence of everything means
  // "empty".
  choice.kind = any ? Choice::Kind::missing : Choice::Kind::empty_remote;
  const auto unborn =
      std::find_if(refs.begin(), refs.end(), [](const wire::Ref& ref) { return ref.name == head && ref.id.is_zero(); });
  if (unborn != refs.end()) {
    choice.unborn = unborn->symref_target;
  }
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
  return std::find(names_.begin(), names_.end(), pushed) != names_.end();
}

}  // namespace adapter::sync
