// SPDX-License-Identifier: Apache-2.0
#include "leftovers.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "adapter/base/volume_layout.hpp"
#include "adapter/publish/publisher.hpp"
#include "repository_journal.hpp"

namespace adapter::sync {
namespace {

void add_once(std::vector<std::string>& links, const std::string& link) {
  if (std::find(links.begin(), links.end(), link) == links.end()) {
    links.push_back(link);
  }
}

/// Whether a configuration can have had a repository of this name.
bool is_repository_name(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::size_t longest = 63;
  return !name.empty() && name.size() <= longest && first.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

/// Whether an adapter made this folder: one that a person put beside them, a copy of a repository's for one, is no
/// repository's, whatever its name.
bool holds_a_repository(const std::filesystem::path& directory) {
  const std::optional<SavedState> state = read_state(directory);
  if (state && !state->repository.empty() && state->repository != directory.filename()) {
    return false;
  }
  std::error_code ignored;
  const auto has_folder = [&](const char* name) {
    return std::filesystem::is_directory(std::filesystem::symlink_status(directory / name, ignored));
  };
  return state || has_folder(volume::git_directory) ||
         (has_folder(volume::trees_directory) && has_folder(volume::manifests_directory));
}

/// One that never published, or whose journal is lost, has its name for a link or none.
std::vector<std::string> links_of(const std::filesystem::path& directory, const std::string& name) {
  const std::optional<SavedState> state = read_state(directory);
  std::vector<std::string> links{state && !state->link.empty() ? state->link : name};
  if (state) {
    for (const FormerLink& former : state->former_links) {
      add_once(links, former.link);
    }
  }
  return links;
}

/// For each repository into whose trees a configured link, or a former link of a configured repository, leads: that
/// link. Into its own trees does not count.
std::map<std::string, std::string> foreign_needs(const ConfiguredLinks& configured) {
  std::map<std::string, std::string> needs;
  for (const auto& [name, link] : configured.link_of) {
    std::vector<std::string> links{link};
    if (const std::optional<SavedState> state = read_state(configured.data_dir / volume::own_path(name))) {
      for (const FormerLink& former : state->former_links) {
        add_once(links, former.link);
      }
    }
    for (const std::string& each : links) {
      const std::optional<std::string> owner = publish::owner_of_link(configured.data_dir, each);
      if (owner && *owner != name) {
        needs[*owner] = each;
      }
    }
  }
  return needs;
}

}  // namespace

ConfiguredLinks ConfiguredLinks::of(const config::Config& config) {
  ConfiguredLinks configured;
  configured.data_dir = config.data_dir;
  for (const config::Repository& repository : config.repositories) {
    configured.link_of[repository.name] = repository.link;
  }
  return configured;
}

bool ConfiguredLinks::is_claimed(const std::string& link) const {
  return std::any_of(link_of.begin(), link_of.end(), [&](const auto& each) { return each.second == link; });
}

std::vector<Leftover> find_leftovers(const ConfiguredLinks& configured) {
  std::vector<Leftover> leftovers;
  std::error_code failure;
  std::filesystem::directory_iterator item(configured.data_dir / volume::own_directory, failure);
  for (; !failure && item != std::filesystem::directory_iterator(); item.increment(failure)) {
    const std::string name = item->path().filename();
    std::error_code ignored;
    if (is_repository_name(name) && !configured.link_of.contains(name) && item->is_directory(ignored) &&
        holds_a_repository(item->path())) {
      Leftover& leftover = leftovers.emplace_back();
      leftover.name = name;
      leftover.links = links_of(item->path(), name);
      std::copy_if(leftover.links.begin(), leftover.links.end(), std::back_inserter(leftover.leading),
                   [&](const auto& link) { return publish::owner_of_link(configured.data_dir, link) == name; });
    }
  }
  if (leftovers.empty()) {
    return leftovers;
  }
  const std::map<std::string, std::string> needs = foreign_needs(configured);
  for (Leftover& leftover : leftovers) {
    if (const auto need = needs.find(leftover.name); need != needs.end()) {
      leftover.needed_by = need->second;
    }
  }
  std::sort(leftovers.begin(), leftovers.end(),
            [](const Leftover& left, const Leftover& right) { return left.name < right.name; });
  return leftovers;
}

std::optional<Leftover> find_leftover(const ConfiguredLinks& configured, const std::string& name) {
  for (Leftover& leftover : find_leftovers(configured)) {
    if (leftover.name == name) {
      return std::move(leftover);
    }
  }
  return std::nullopt;
}

}  // namespace adapter::sync
