// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"
#include "symlinks.hpp"

namespace adapter::testing {
namespace {

struct RandomTree {
  std::vector<publish::FolderNode> folders{publish::FolderNode{}};
  std::vector<std::string> names;
  std::vector<std::string> targets;
  std::vector<std::uint32_t> parents;
  std::set<std::string> taken;

  explicit RandomTree(std::mt19937& random) {
    static const std::vector<std::string> letters = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 6; ++i) {
      const auto parent = static_cast<std::uint32_t>(random() % folders.size());
      const std::string& name = letters[random() % letters.size()];
      if (taken.insert(std::to_string(parent) + name).second) {
        folders.push_back(publish::FolderNode{parent, name});
      }
    }
    for (int i = 0; i < 12; ++i) {
      const auto parent = static_cast<std::uint32_t>(random() % folders.size());
      const std::string name = letters[random() % letters.size()];
      if (taken.insert(std::to_string(parent) + name).second) {
        parents.push_back(parent);
        names.push_back(name);
        targets.push_back(random_target(random, letters));
      }
    }
  }

  static std::string random_target(std::mt19937& random, const std::vector<std::string>& letters) {
    std::string target = random() % 40 == 0 ? "/" : "";
    const auto parts = 1 + random() % 6;
    for (std::size_t i = 0; i < parts; ++i) {
      const auto kind = random() % 16;
      target += kind < 4    ? ".."
                : kind == 4 ? "."
                : kind == 5 ? "file"
                : kind == 6 ? ""
                            : letters[random() % letters.size()];
      if (i + 1 < parts || random() % 8 == 0) {
        target += '/';
      }
    }
    return target.empty() ? "." : target;
  }

  void write_to(const fs::path& root) const {
    for (std::uint32_t i = 1; i < folders.size(); ++i) {
      fs::create_directory(root / publish::folder_path(folders, i));
    }
    write(root / "file", "x");
    for (std::size_t i = 0; i < names.size(); ++i) {
      ASSERT_EQ(symlink(targets[i].c_str(), (root / publish::folder_path(folders, parents[i]) / names[i]).c_str()), 0);
    }
  }
};

/// 0 or errno of opening `path`, links followed, without leaving `root`: EXDEV when it would.
int follow_beneath(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH;
  while (true) {
    const UniqueFd found(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
    if (found) {
      return 0;
    }
    // The kernel gives up when anything on the system is renamed while it walks a "..".
    if (errno != EAGAIN) {
      return errno;
    }
  }
}

TEST(SymlinksAgainstTheKernel, RandomTreesAreJudgedAlike) {
  const auto seed_value = random_seed();
  std::mt19937 random(seed_value);
  int inside_count = 0;
  int leaving_count = 0;
  for (int round = 0; round < 400; ++round) {
    TemporaryFolder folder;
    const RandomTree tree(random);
    tree.write_to(folder.path());
    std::vector<publish::LinkNode> links;
    for (std::size_t i = 0; i < tree.names.size(); ++i) {
      links.push_back(publish::LinkNode{.folder = tree.parents[i], .name = tree.names[i], .target = tree.targets[i]});
    }
    const std::vector<bool> inside = publish::links_inside(tree.folders, links);
    const UniqueFd root = open_directory(folder.path());
    for (std::size_t i = 0; i < links.size(); ++i) {
      const std::string path = (fs::path(publish::folder_path(tree.folders, tree.parents[i])) / tree.names[i]).native();
      const int failure = follow_beneath(root.get(), path);
      ASSERT_TRUE(failure == 0 || failure == EXDEV || failure == ENOENT || failure == ENOTDIR || failure == ELOOP)
          << path << ": " << std::strerror(failure);
      EXPECT_EQ(inside[i], failure != EXDEV) << "seed " << seed_value << " round " << round << ": " << path << " -> "
                                             << tree.targets[i] << ": " << std::strerror(failure);
      (inside[i] ? inside_count : leaving_count) += 1;
    }
  }
  EXPECT_GT(inside_count, 500);
  EXPECT_GT(leaving_count, 200);
}

}  // namespace
}  // namespace adapter::testing
