// SPDX-License-Identifier: Apache-2.0
#include "symlinks.hpp"

#include <gtest/gtest.h>

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/base/error.hpp"

namespace adapter::publish {
namespace {

/// A tree written down as paths: "a/b/" is a folder, "a/l -> t" a link; files need not be named, they are as good as
/// missing.
class Tree {
public:
  Tree(std::initializer_list<std::string> lines) {
    for (const std::string& line : lines) {
      add(line);
    }
  }

  void add(const std::string& line) {
    const std::size_t arrow = line.find(" -> ");
    if (arrow == std::string::npos) {
      folder(line);
      return;
    }
    const std::string path = line.substr(0, arrow);
    const std::size_t slash = path.rfind('/');
    names_.push_back(path.substr(slash + 1));
    targets_.push_back(line.substr(arrow + 4));
    parents_.push_back(slash == std::string::npos ? 0 : folder(path.substr(0, slash + 1)));
  }

  [[nodiscard]] std::vector<bool> judge(std::uint64_t budget = default_link_step_budget,
                                        NameLookup lookup = NameLookup::exact, const std::stop_token& stop = {}) const {
    std::vector<FolderNode> folders;  // made here: their names are views, and a tree may be copied
    for (std::size_t i = 0; i < folder_names_.size(); ++i) {
      folders.push_back(FolderNode{folder_parents_[i], folder_names_[i]});
    }
    std::vector<LinkNode> links;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      links.push_back(LinkNode{.folder = parents_[i], .name = names_[i], .target = targets_[i]});
    }
    return links_inside(folders, links, lookup, budget, stop);
  }
  [[nodiscard]] bool first_caseless() const { return judge(default_link_step_budget, NameLookup::caseless).front(); }
  [[nodiscard]] bool first(std::uint64_t budget = default_link_step_budget) const { return judge(budget).front(); }

private:
  std::uint32_t folder(const std::string& path) {
    std::uint32_t at = 0;
    for (std::size_t start = 0; start < path.size();) {
      const std::size_t end = path.find('/', start);
      const std::string name = path.substr(start, end - start);
      const auto [known, is_new] = known_.try_emplace({at, name}, static_cast<std::uint32_t>(folder_names_.size()));
      if (is_new) {
        folder_parents_.push_back(at);
        folder_names_.push_back(name);
      }
      at = known->second;
      start = end + 1;
    }
    return at;
  }

  std::vector<std::uint32_t> folder_parents_{0};
  std::vector<std::string> folder_names_{""};
  std::vector<std::uint32_t> parents_;
  std::vector<std::string> names_;
  std::vector<std::string> targets_;
  std::map<std::pair<std::uint32_t, std::string>, std::uint32_t> known_;
};

struct Case {
  const char* what;
  Tree tree;  ///< the first link is judged
  bool inside;
};

std::vector<Case> plain_cases() {
  return {
      {"a file beside it", {"l -> file"}, true},
      {"a folder", {"l -> d", "d/"}, true},
      {"a file in a folder", {"l -> d/file", "d/"}, true},
      {"missing", {"l -> nowhere"}, true},
      {"missing, deep", {"l -> no/where/at/all"}, true},
      {"absolute", {"l -> /etc/passwd"}, false},
      {"the root of the system", {"l -> /"}, false},
      {"absolute with two slashes", {"l -> //etc"}, false},
      {"absolute in a folder", {"d/l -> /d"}, false},
      {"absolute into where it may be mounted", {"l -> /data/docs/file"}, false},
      {"itself", {"l -> l"}, true},
      {"the root", {"l -> ."}, true},
      {"the root, with a slash", {"l -> ./"}, true},
      {"the root of the tree from a folder", {"d/l -> .."}, true},
      {"the root and down again", {"d/l -> ../d"}, true},
      {"the parent of the root", {"l -> .."}, false},
      {"the parent of the root, with a slash", {"l -> ../"}, false},
      {"the parent of the root after a dot", {"l -> ./.."}, false},
      {"the parent of the root after dots", {"l -> ././../."}, false},
      {"two up from one folder", {"d/l -> ../.."}, false},
      {"two up from two folders", {"d/e/l -> ../.."}, true},
      {"three up from two folders", {"d/e/l -> ../../.."}, false},
      {"out and back in by the tree's own name", {"l -> ../0123456789012345678901234567890123456789/file"}, false},
      {"out and back in by the name trees", {"l -> ../../trees/x"}, false},
      {"down and up", {"l -> d/..", "d/"}, true},
      {"down and up and out", {"l -> d/../..", "d/"}, false},
      {"down, down, up, up", {"l -> d/e/../..", "d/e/"}, true},
      {"down, down, up, up, out", {"l -> d/e/../../..", "d/e/"}, false},
      {"up through what is missing ends before", {"l -> nowhere/../../etc"}, true},
      {"up through a file ends before", {"l -> file/../../etc"}, true},
      {"a dot through a file", {"l -> file/."}, true},
      {"a file with a slash", {"l -> file/"}, true},
      {"empty components", {"l -> d//e///f", "d/e/"}, true},
      {"empty components and out", {"l -> d//..//..", "d/"}, false},
      {"a trailing slash on a folder", {"l -> d/", "d/"}, true},
      {"three dots are a name", {"l -> ..."}, true},
      {"three dots up", {"l -> .../..", ".../"}, true},
      {"a name that begins with dots", {"l -> ..a/../x", "..a/"}, true},
      {"a backslash is no slash", {"l -> ..\\..\\etc"}, true},
      {"other case is another name", {"l -> D/../..", "d/"}, true},
      {"the empty target", {"l -> "}, true},
      {"a space", {"l ->  "}, true},
  };
}

std::vector<Case> chained_cases() {
  return {
      {"through a link to a folder", {"l -> m/file", "m -> d", "d/"}, true},
      {"up after a link goes up from where it leads", {"d/l -> m/..", "d/m -> ../e/f", "e/f/"}, true},
      {"up after a link, out", {"x/y/l -> m/../..", "x/y/m -> ../../d", "d/"}, false},
      {"the same path without the link would stay", {"x/y/l -> m/../..", "x/y/m/"}, true},
      {"the same path with the link to a deep folder stays", {"l -> m/../..", "m -> d/e", "d/e/"}, true},
      {"a link to the parent, used in the middle", {"a -> b/c", "b -> .."}, false},
      {"a link to the parent in a folder", {"d/a -> b/c", "d/b -> .."}, true},
      {"a link to the parent twice", {"d/a -> b/b/c", "d/b -> .."}, true},
      {"a link to the parent, then up", {"d/a -> b/../c", "d/b -> .."}, false},
      {"a link to a link out", {"l -> m", "m -> n", "n -> .."}, false},
      {"a link to a link that is absolute", {"l -> m", "m -> /"}, false},
      {"below an absolute link", {"l -> m/etc", "m -> /"}, false},
      {"a link with a trailing slash", {"l -> m/", "m -> d", "d/"}, true},
      {"a link to a dangling link", {"l -> m", "m -> nowhere"}, true},
      {"up after a dangling link ends before", {"l -> m/../..", "m -> nowhere"}, true},
      {"up after a link to a file ends before", {"l -> m/../..", "m -> file"}, true},
      {"a loop of two", {"l -> m", "m -> l"}, true},
      {"a loop of three, from outside it", {"l -> m", "m -> n", "n -> o", "o -> m"}, true},
      {"up after a loop ends before", {"l -> m/../..", "m -> m"}, true},
      {"a loop through a folder", {"d/l -> ../m/l", "m -> d", "d/"}, true},
      {"a link that holds itself", {"l -> l/../..", "d/"}, true},
      {"out before the loop", {"l -> ../l", "d/"}, false},
      {"a detour through the root", {"d/l -> r/d/r/d/file", "d/r -> .."}, true},
      {"a link to the root, then up", {"l -> r/..", "r -> ."}, false},
      {"the name of a folder at another place", {"l -> d/..", "e/d/"}, true},
  };
}

void expect_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    EXPECT_EQ(each.tree.first(), each.inside) << each.what;
  }
}

TEST(Symlinks, OneByItself) {
  expect_all(plain_cases());
}
TEST(Symlinks, ThroughOthers) {
  expect_all(chained_cases());
}

TEST(Symlinks, OnAVolumeThatIgnoresCase) {
  const std::vector<Case> cases{
      {"other case is the same folder", {"l -> D/../..", "d/"}, false},
      {"other case is the same folder, inside", {"l -> D/..", "d/"}, true},
      {"other case is the same link", {"l -> b/../..", "x/y/", "B -> x/y"}, true},
      {"other case is the same link, out", {"l -> x/y/b/../..", "x/y/B -> ../.."}, false},
      {"up through what is missing", {"l -> nowhere/../../etc"}, false},
      {"up through what is missing, below the root", {"l -> nowhere/at/../../etc"}, true},
      {"up through what another link misses", {"l -> m/../../etc", "m -> nowhere"}, false},
      {"up through a file", {"l -> file/../../etc"}, false},
      {"missing", {"l -> nowhere"}, true},
      {"absolute", {"l -> /D", "d/"}, false},
      {"a loop", {"l -> L"}, true},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(each.tree.first_caseless(), each.inside) << each.what;
  }
}

TEST(Symlinks, TheOrderInWhichTheyAreJudgedDoesNotMatter) {
  const Tree tree{"x/a -> b/../../..", "x/b -> c", "x/c -> ../d/e", "d/e/", "z -> x/b/../..", "y -> z/d", "out -> x/a"};
  const std::vector<bool> forward = tree.judge();
  EXPECT_EQ(forward, (std::vector<bool>{false, true, true, true, true, false}));
  const Tree back{"out -> x/a", "y -> z/d", "z -> x/b/../..", "x/c -> ../d/e", "x/b -> c", "x/a -> b/../../..", "d/e/"};
  EXPECT_EQ(back.judge(), (std::vector<bool>{false, true, true, true, true, false}));
}

/// l0 -> l1 -> … -> last
Tree chain(int links, const std::string& last) {
  Tree tree{};
  for (int i = 0; i < links; ++i) {
    tree.add("l" + std::to_string(i) + " -> " + (i + 1 < links ? "l" + std::to_string(i + 1) : last));
  }
  return tree;
}

TEST(Symlinks, TheKernelFollowsFortyAndNoMore) {
  EXPECT_FALSE(chain(40, "..").first());
  EXPECT_TRUE(chain(41, "..").first());
  const std::vector<bool> all = chain(41, "..").judge();
  EXPECT_FALSE(all[1]);
  EXPECT_FALSE(all[40]);
}

TEST(Symlinks, FortyAreCountedOverAllComponents) {
  Tree tree{"l -> m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/..", "m -> ."};
  EXPECT_FALSE(tree.first());  // itself and 39
  Tree more{"l -> m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/..", "m -> ."};
  EXPECT_TRUE(more.first());
}

TEST(Symlinks, AHundredThousandInOneChainTakeNoStack) {
  const std::vector<bool> all = chain(100'000, "..").judge();
  EXPECT_TRUE(all[0]);
  EXPECT_TRUE(all[99'959]);
  EXPECT_FALSE(all[99'960]);
  EXPECT_FALSE(all[99'999]);
}

TEST(Symlinks, DoublingCostsNoMoreThanItIsLong) {
  // l0 -> l1/l1, l1 -> l2/l2 …: followed step by step, 2^30.
  Tree tree{};
  for (int i = 0; i < 30; ++i) {
    const std::string next = "l" + std::to_string(i + 1);
    tree.add("l" + std::to_string(i) + " -> " + next + "/" + next);
  }
  tree.add("l30 -> ..");
  EXPECT_FALSE(tree.first(1000));
}

TEST(Symlinks, WhatIsPastTheBudgetLeaves) {
  Tree tree{"a -> d/./.", "b -> x", "d/"};
  EXPECT_EQ(tree.judge(4), (std::vector<bool>{true, false}));
  EXPECT_EQ(tree.judge(0), (std::vector<bool>{false, false}));
  EXPECT_EQ(tree.judge(), (std::vector<bool>{true, true}));
}

TEST(Symlinks, LooksAtTheStopTokenWhileItResolves) {
  Tree tree{"d/"};
  for (int i = 0; i < 3'000; ++i) {
    tree.add("l" + std::to_string(i) + " -> d");
  }
  std::stop_source stop;
  EXPECT_EQ(tree.judge(default_link_step_budget, NameLookup::exact, stop.get_token()), std::vector<bool>(3'000, true));
  stop.request_stop();
  try {
    static_cast<void>(tree.judge(default_link_step_budget, NameLookup::exact, stop.get_token()));
    ADD_FAILURE() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled);
  }
}

TEST(Symlinks, NoLinksNoAnswers) {
  EXPECT_TRUE(Tree{"d/"}.judge().empty());
}

TEST(FolderPath, NamesTheWayFromTheRoot) {
  const std::vector<FolderNode> folders{{0, ""}, {0, "a"}, {1, "b"}};
  EXPECT_EQ(folder_path(folders, 0), "");
  EXPECT_EQ(folder_path(folders, 1), "a");
  EXPECT_EQ(folder_path(folders, 2), "a/b");
}

}  // namespace
}  // namespace adapter::publish
