// SPDX-License-Identifier: Apache-2.0
#include "missing_ref.hpp"

#include <algorithm>

#include "adapter/base/text.hpp"

namespace adapter::sync {
namespace {

constexpr std::string_view branch_prefix = "refs/heads/";
constexpr std::string_view tag_prefix = "refs/tags/";
constexpr std::size_t max_shown_bytes = 64;

/// "main" for "refs/heads/main" and "heads/main", "tags/v1" for "refs/tags/v1".
std::string_view short_name(std::string_view name) {
  for (const std::string_view prefix : {branch_prefix, branch_prefix.substr(5)}) {
    if (name.starts_with(prefix)) {
      return name.substr(prefix.size());
    }
  }
  return name.starts_with(tag_prefix) ? name.substr(5) : name;
}

/// Without "tags/" too: what is compared.
std::string_view last_name(std::string_view name) {
  const std::string_view shorter = short_name(name);
  return shorter.starts_with("tags/") ? shorter.substr(5) : shorter;
}

bool holds(std::string_view left, std::string_view right) {
  return left.find(right) != std::string_view::npos || right.find(left) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> broader_prefixes(std::string_view ref) {
  std::vector<std::string> prefixes{std::string(branch_prefix), std::string(tag_prefix)};
  const std::string_view below = ref.starts_with("refs/") ? ref.substr(5) : ref;
  const std::size_t slash = below.find('/');
  const std::string space = "refs/" + std::string(below.substr(0, slash)) + "/";
  if (slash != std::string_view::npos && space != branch_prefix && space != tag_prefix) {
    prefixes.push_back(space);
  }
  return prefixes;
}

std::vector<std::string> nearest_refs(std::string_view ref, const std::vector<wire::Ref>& refs) {
  std::vector<std::string_view> left;
  for (const wire::Ref& candidate : refs) {
    if (left.size() < max_compared_refs && !candidate.id.is_zero() && candidate.name.starts_with("refs/")) {
      left.push_back(candidate.name);
    }
  }
  const std::string_view wanted = last_name(ref);
  std::vector<std::string> near;
  const auto take = [&](auto position) {
    near.emplace_back(short_name(*position));
    left.erase(position);
  };
  std::vector<std::string_view> names;
  while (near.size() < max_shown_refs) {
    names.clear();
    std::transform(left.begin(), left.end(), std::back_inserter(names), last_name);
    const std::string_view best = nearest(wanted, names);
    const auto position = std::find(names.begin(), names.end(), best);
    if (best.empty() || position == names.end()) {
      break;
    }
    take(left.begin() + (position - names.begin()));
  }
  while (near.size() < max_shown_refs) {
    const auto position =
        std::find_if(left.begin(), left.end(), [&](std::string_view name) { return holds(last_name(name), wanted); });
    if (position == left.end()) {
      break;
    }
    take(position);
  }
  while (near.size() < max_shown_refs && !left.empty()) {
    take(left.begin());
  }
  return near;
}

std::string describe_missing(std::string_view ref, const RefSelection::Choice& choice,
                             const std::vector<std::string>& near, bool published) {
  const std::string_view stays =
      published ? "; what is published stays, and it is looked for on schedule" : "; it is looked for on schedule";
  const std::string quoted = "\"" + escape(ref, max_shown_bytes) + "\"";
  if (choice.kind == RefSelection::Choice::Kind::empty_remote) {
    return "the remote has no refs any more, neither " + quoted +
           " nor another: it was emptied or made anew; push to it, or correct url" + std::string(stays);
  }
  std::string list;
  for (const std::string& name : near) {
    list += (list.empty() ? "" : ", ") + escape(name, max_shown_bytes);
  }
  if (!list.empty()) {
    list = "; the nearest there are: " + list;
  }
  if (ref == "HEAD") {
    const std::string target =
        choice.unborn.empty() ? "no branch that it has"
                              : "\"" + escape(choice.unborn, max_shown_bytes) + "\", which it does not have (unborn)";
    return "the remote's HEAD points to " + target + list +
           "; push that branch, set the remote's default branch, or name a branch in ref" + std::string(stays);
  }
  return "the remote has no ref " + quoted + list + "; correct ref, or push it" + std::string(stays);
}

}  // namespace adapter::sync
