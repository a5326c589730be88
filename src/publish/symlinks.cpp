// SPDX-License-Identifier: Apache-2.0
#include "symlinks.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "adapter/base/error.hpp"
#include "adapter/base/stop.hpp"

namespace adapter::publish {
namespace {

/// The kernel's MAXSYMLINKS: the 41st link of one resolution fails with ELOOP.
constexpr std::uint32_t max_hops = 40;
/// A saturated count: more links than the kernel follows.
constexpr std::uint32_t too_many_hops = max_hops + 1;

/// Between two looks at the stop token.
constexpr std::uint64_t steps_between_looks = 1'000;

struct Place {
  std::uint32_t folder = 0;
  std::string_view name;
};

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct PlaceHash {
  NameLookup lookup;
  std::size_t operator()(const Place& place) const noexcept {
    std::size_t hash = std::size_t{place.folder} * 0x9E3779B97F4A7C15ULL;
    if (lookup == NameLookup::exact) {
      return hash ^ std::hash<std::string_view>{}(place.name);
    }
    for (const char c : place.name) {
      hash = (hash ^ static_cast<unsigned char>(folded(c))) * 0x100000001B3ULL;
    }
    return hash;
  }
};

struct PlaceEqual {
  NameLookup lookup;
  bool operator()(const Place& a, const Place& b) const noexcept {
    return a.folder == b.folder &&
           (lookup == NameLookup::exact ? a.name == b.name : std::ranges::equal(a.name, b.name, [](char x, char y) {
             return folded(x) == folded(y);
           }));
  }
};

enum class End : std::uint8_t {
  unknown,
  walking,  ///< being resolved: met again, it is a loop
  folder,   ///< in a folder of the tree, or at (caseless) at names below it that the tree does not have
  stopped,  ///< inside, at something that cannot be walked through: a missing name, a file, a loop
  leaves,
};

struct Resolution {
  End end = End::unknown;
  std::uint32_t folder = 0;   ///< where it ended, for End::folder
  std::uint32_t unknown = 0;  ///< names below that folder which are none of the tree's folders or links
  std::uint32_t hops = 0;     ///< links followed until it ended, itself included; at most too_many_hops
};

/// The resolution of one link, under way.
struct Walk {
  std::uint32_t link = 0;
  std::size_t position = 0;  ///< in the link's target
  std::uint32_t folder = 0;
  std::uint32_t unknown = 0;
  std::uint32_t hops = 1;
};

class Resolver {
public:
  Resolver(std::span<const FolderNode> folders, std::span<const LinkNode> links, NameLookup lookup,
           std::uint64_t step_budget, const std::stop_token& stop)
      : folders_(folders),
        links_(links),
        lookup_(lookup),
        steps_left_(step_budget),
        stop_(stop),
        resolutions_(links.size()),
        places_(folders.size() + links.size(), PlaceHash{lookup}, PlaceEqual{lookup}) {
    for (std::uint32_t i = 1; i < folders.size(); ++i) {
      places_.emplace(Place{folders[i].parent, folders[i].name}, i);
    }
    for (std::uint32_t i = 0; i < links.size(); ++i) {
      places_.emplace(Place{links[i].folder, links[i].name}, static_cast<std::uint32_t>(folders.size()) + i);
    }
  }

  bool inside(std::uint32_t link) {
    if (resolutions_[link].end == End::unknown && !resolve(link)) {
      return false;
    }
    return resolutions_[link].end != End::leaves;
  }

private:
  /// False when the budget ended first.
  bool resolve(std::uint32_t first) {
    start(first);
    while (!walks_.empty()) {
      if (steps_left_ == 0) {
        for (const Walk& walk : walks_) {
          resolutions_[walk.link].end = End::leaves;
        }
        walks_.clear();
        return false;
      }
      if (steps_left_-- % steps_between_looks == 0) {
        throw_if_stopped(stop_, "judging the symbolic links");
      }
      step();
    }
    return true;
  }

  void start(std::uint32_t link) {
    resolutions_[link].end = End::walking;
    walks_.push_back(Walk{.link = link, .folder = links_[link].folder});
  }

  void finish(End end) {
    const Walk& walk = walks_.back();
    resolutions_[walk.link] = Resolution{.end = end, .folder = walk.folder, .unknown = walk.unknown, .hops = walk.hops};
    walks_.pop_back();
  }

  /// A chain longer than the kernel follows ends with ELOOP, wherever it would have led.
  void finish_loop() {
    walks_.back().hops = too_many_hops;
    finish(End::stopped);
  }

  /// One component of the innermost walk.
  void step() {
    Walk& walk = walks_.back();
    const std::string_view target = links_[walk.link].target;
    if (walk.position == 0 && target.starts_with('/')) {
      finish(End::leaves);
      return;
    }
    walk.position = std::min(target.find_first_not_of('/', walk.position), target.size());
    if (walk.position == target.size()) {
      finish(End::folder);
      return;
    }
    const std::size_t end = std::min(target.find('/', walk.position), target.size());
    const std::string_view name = target.substr(walk.position, end - walk.position);
    if (name == ".") {
      walk.position = end;
    } else if (name == "..") {
      walk.position = end;
      up(walk);
    } else {
      down(walk, name, end);
    }
  }

  void up(Walk& walk) {
    if (walk.unknown > 0) {
      --walk.unknown;
      return;
    }
    if (walk.folder == 0) {
      finish(End::leaves);
      return;
    }
    walk.folder = folders_[walk.folder].parent;
  }

  void down(Walk& walk, std::string_view name, std::size_t end) {
    const auto found = walk.unknown > 0 ? places_.end() : places_.find(Place{walk.folder, name});
    if (found == places_.end()) {
      if (lookup_ == NameLookup::exact) {
        finish(End::stopped);
        return;
      }
      ++walk.unknown;
      walk.position = end;
      return;
    }
    if (found->second < folders_.size()) {
      walk.folder = found->second;
      walk.position = end;
      return;
    }
    const std::uint32_t link = found->second - static_cast<std::uint32_t>(folders_.size());
    const Resolution& through = resolutions_[link];
    if (through.end == End::unknown) {
      start(link);  // this component is looked at again when it is known
      return;
    }
    if (through.end == End::walking || walk.hops + through.hops > max_hops) {
      finish_loop();
      return;
    }
    walk.hops += through.hops;
    if (through.end == End::folder) {
      walk.folder = through.folder;
      walk.unknown = through.unknown;
      walk.position = end;
    } else {
      finish(through.end);
    }
  }

  std::span<const FolderNode> folders_;
  std::span<const LinkNode> links_;
  NameLookup lookup_;
  std::uint64_t steps_left_;
  const std::stop_token& stop_;
  std::vector<Resolution> resolutions_;
  std::unordered_map<Place, std::uint32_t, PlaceHash, PlaceEqual> places_;  ///< folders, then links
  std::vector<Walk> walks_;
};

}  // namespace

std::vector<bool> links_inside(std::span<const FolderNode> folders, std::span<const LinkNode> links, NameLookup lookup,
                               std::uint64_t step_budget, const std::stop_token& stop) {
  std::vector<bool> inside(links.size());
  if (links.empty()) {
    return inside;
  }
  Resolver resolver(folders, links, lookup, step_budget, stop);
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    inside[i] = resolver.inside(i);
  }
  return inside;
}

std::string folder_path(std::span<const FolderNode> folders, std::uint32_t folder) {
  std::vector<std::string_view> names;
  for (; folder != 0; folder = folders[folder].parent) {
    names.push_back(folders[folder].name);
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) {
      path += '/';
    }
    path += *name;
  }
  return path;
}

}  // namespace adapter::publish
