// SPDX-License-Identifier: Apache-2.0
#include "reach.hpp"

#include <gtest/gtest.h>

#include <array>
#include <stop_token>
#include <string>
#include <vector>

#include "memory_source.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::ObjectId;
using adapter::store::Reach;

namespace {

class ReachOfCommits : public testing::Test {
protected:
  std::vector<ObjectId> ids_of(const std::vector<ObjectId>& commits) {
    Reach reach(source, token);
    reach.add_commits(commits);
    return reach.ids();
  }

  /// Walks, and requests a stop within the read of this number; how many reads follow it.
  int reads_after_a_stop_in(int number, const std::vector<ObjectId>& commits) {
    source.on_read = [&, number] {
      if (source.reads == number) {
        stop.request_stop();
      }
    };
    try {
      ids_of(commits);
      ADD_FAILURE() << "it went on";
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::cancelled) << error.text();
    }
    return source.reads - number;
  }

  MemorySource source;
  std::stop_source stop;
  std::stop_token token = stop.get_token();
};

TEST_F(ReachOfCommits, HoldsEachObjectOnceAndNoSubmodule) {
  const ObjectId blob = source.blob("x");
  const ObjectId inner = source.tree(entry("100644", "a", blob));
  const ObjectId root = source.tree(entry("40000", "b", inner) + entry("40000", "c", inner) +
                                    entry("160000", "module", source.commit(inner)));
  const ObjectId first = source.commit(root);
  const ObjectId second = source.commit(root);
  EXPECT_EQ(ids_of({first, second}), (std::vector<ObjectId>{first, second, root, inner, blob}));
}

TEST_F(ReachOfCommits, EndsBetweenTwoCommitsOfOneTree) {
  const ObjectId root = source.tree("");
  std::vector<ObjectId> commits;
  for (int number = 0; number < 50; ++number) {
    commits.push_back(source.commit(root));
  }
  // The first commit and its tree are read before.
  EXPECT_EQ(reads_after_a_stop_in(3, commits), 0);
}

TEST_F(ReachOfCommits, EndsBetweenTwoTrees) {
  std::string folders;
  for (int number = 0; number < 50; ++number) {
    folders += entry("40000", "folder" + std::to_string(number), source.tree(std::string()));
  }
  const std::vector<ObjectId> commits{source.commit(source.tree(folders))};
  EXPECT_EQ(reads_after_a_stop_in(3, commits), 0);
}

TEST_F(ReachOfCommits, EndsWithinATree) {
  const ObjectId blob = source.blob("x");
  std::string files;
  for (int number = 0; number < 3'000; ++number) {
    files += entry("100644", "file" + std::to_string(number), blob);
  }
  // The last object of the walk: nothing but its entries is left when the stop comes.
  EXPECT_EQ(reads_after_a_stop_in(2, {source.commit(source.tree(files))}), 0);
}

TEST_F(ReachOfCommits, ALostTreeIsCorrupt) {
  const ObjectId root = source.tree("");
  const std::vector<ObjectId> commits{source.commit(root)};
  source.remove(root);
  try {
    ids_of(commits);
    ADD_FAILURE() << "it was not missed";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << error.text();
  }
}

}  // namespace
