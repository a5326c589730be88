// SPDX-License-Identifier: Apache-2.0
#include "asked_refs.hpp"

#include <algorithm>
#include <string_view>

#include "adapter/base/object_id.hpp"
#include "adapter/base/text.hpp"

namespace adapter::app {
namespace {

constexpr std::size_t max_shown_bytes = 256;

/// The full names that a name may mean.
std::vector<std::string> full_names(const std::string& name) {
  if (name == "HEAD" || name.starts_with("refs/")) {
    return {name};
  }
  std::vector<std::string> names{"refs/heads/" + name, "refs/tags/" + name};
  if (name.find('/') != std::string::npos) {
    names.push_back("refs/" + name);
  }
  return names;
}

bool fits(std::string_view full_name, std::string_view ref) {
  return full_name.ends_with('/') ? ref.starts_with(full_name) : ref == full_name;
}

bool is_there(const std::string& name, const std::vector<wire::Ref>& refs) {
  const std::vector<std::string> meant = full_names(name);
  return std::any_of(refs.begin(), refs.end(), [&](const wire::Ref& ref) {
    return std::any_of(meant.begin(), meant.end(),
                       [&](const std::string& full_name) { return fits(full_name, ref.name); });
  });
}

}  // namespace

std::vector<std::string> prefixes_for(const std::vector<std::string>& names) {
  std::vector<std::string> prefixes;
  for (const std::string& name : names) {
    if (!ObjectId::from_hex(name)) {
      const std::vector<std::string> meant = full_names(name);
      prefixes.insert(prefixes.end(), meant.begin(), meant.end());
    }
  }
  if (prefixes.empty()) {
    prefixes.emplace_back("HEAD");
  }
  if (names.empty()) {
    prefixes.emplace_back("refs/");
  }
  return prefixes;
}

std::vector<std::string> describe_absent(const std::vector<std::string>& names, const std::vector<wire::Ref>& refs) {
  std::vector<std::string> sentences;
  for (const std::string& name : names) {
    const std::string quoted = "\"" + escape(name, max_shown_bytes) + "\"";
    if (ObjectId::from_hex(name)) {
      sentences.push_back(quoted +
                          " is a commit id, and only refs can be listed; whether the server gives out that commit "
                          "shows when a repository with it as ref is synced");
    } else if (!is_there(name, refs)) {
      sentences.push_back("the remote has no ref " + quoted + "; without a name all of its refs are listed");
    }
  }
  return sentences;
}

}  // namespace adapter::app
