// SPDX-License-Identifier: Apache-2.0
#include "verify.hpp"

#include <gtest/gtest.h>

#include <string>

#include "memory_source.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::Limits;
using adapter::NamePolicy;
using adapter::ObjectId;
using adapter::store::CommitSummary;
using adapter::store::MissingObject;
using adapter::store::ObjectType;
using adapter::store::verify_commit;
using namespace std::string_literals;

namespace {

class VerifyCommit : public testing::Test {
protected:
  CommitSummary verify(const ObjectId& id, NamePolicy names = NamePolicy::portable) {
    return verify_commit(source, id, limits, names, stop.get_token());
  }
  CommitSummary verify_tree(const std::string& bytes, NamePolicy names = NamePolicy::portable) {
    return verify(source.commit(source.tree(bytes)), names);
  }
  Error refusal(const ObjectId& id, NamePolicy names = NamePolicy::portable) {
    try {
      verify(id, names);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "it passed";
    return {ErrorClass::config, ""};
  }
  Error refusal_of_tree(const std::string& bytes, NamePolicy names = NamePolicy::portable) {
    return refusal(source.commit(source.tree(bytes)), names);
  }
  /// A root with `fanout` names for the tree below it, `levels` times.
  ObjectId bomb(int levels, int fanout, const ObjectId& leaf, const std::string& mode = "100644") {
    ObjectId below = leaf;
    for (int level = 0; level < levels; ++level) {
      std::string bytes;
      for (int name = 0; name < fanout; ++name) {
        bytes += entry(level == 0 ? mode : "40000", "d" + std::to_string(1000 + name), below);
      }
      below = source.tree(bytes);
    }
    return below;
  }

  MemorySource source;
  Limits limits;
  std::stop_source stop;
};

TEST_F(VerifyCommit, CountsPathsAndBytesWithFolders) {
  const ObjectId blob = source.blob("12345");
  const ObjectId inner = source.tree(entry("100644", "x", blob) + entry("100755", "y", blob));
  const auto facts = verify_tree(entry("100644", "a", blob) + entry("40000", "b", inner) + entry("040000", "c", inner) +
                                 entry("160000", "s", blob) + entry("120000", "t", blob) + entry("100664", "u", blob));
  EXPECT_EQ(facts.paths, 10U);
  EXPECT_EQ(facts.tree_bytes, 35U);
  EXPECT_EQ(facts.submodule_count, 1U);
  EXPECT_EQ(facts.submodules, std::vector<std::string>{"s"});
}

TEST_F(VerifyCommit, AnExponentialTreeIsRefusedWithoutEnumeration) {
  const ObjectId root = bomb(12, 10, source.blob("x"));
  const int before = source.reads;
  const auto error = refusal(source.commit(root));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("max_paths"), std::string::npos) << error.text();
  EXPECT_LT(source.reads - before, 20);
}

TEST_F(VerifyCommit, AnExponentialTreeOfManyBytesIsRefused) {
  limits.max_paths = UINT64_MAX;
  const ObjectId blob = source.blob("x");
  source.sizes[blob] = 1'000'000;
  const auto error = refusal(source.commit(bomb(100, 200, blob)));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("max_tree_bytes"), std::string::npos) << error.text();
}

TEST_F(VerifyCommit, AnExponentialTreeWithoutFilesIsRefused) {
  const ObjectId empty = source.tree("");
  EXPECT_EQ(refusal(source.commit(bomb(20, 2, empty, "40000"))).error_class(), ErrorClass::limit);
}

TEST_F(VerifyCommit, DepthIsLimitedExactly) {
  limits.max_depth = 4;
  EXPECT_EQ(verify(source.commit(bomb(5, 1, source.blob("x")))).paths, 5U);
  const auto error = refusal(source.commit(bomb(6, 1, source.blob("x"))));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("max_depth"), std::string::npos);
  // The same with a subtree whose weight is known already.
  const ObjectId known = bomb(4, 1, source.blob("x"));
  const ObjectId deep =
      source.tree(entry("40000", "a", known) +
                  entry("40000", "b", source.tree(entry("40000", "c", source.tree(entry("40000", "d", known))))));
  EXPECT_EQ(refusal(source.commit(deep)).error_class(), ErrorClass::limit);
}

TEST_F(VerifyCommit, LongPathsAndNamesAreRefused) {
  limits.max_depth = 4000;
  ObjectId below = source.tree(entry("100644", "f", source.blob("")));
  for (int level = 0; level < 16; ++level) {
    below = source.tree(entry("40000", std::string(254, 'n'), below));
  }
  // 16 × 255 + 1 bytes pass, two more levels of names do not.
  EXPECT_EQ(verify(source.commit(below)).paths, 17U);
  below = source.tree(entry("40000", std::string(20, 'n'), below));
  const auto error = refusal(source.commit(below));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("4095"), std::string::npos);
  EXPECT_EQ(verify_tree(entry("100644", std::string(255, 'n'), source.blob(""))).paths, 1U);
  EXPECT_EQ(refusal_of_tree(entry("100644", std::string(256, 'n'), source.blob(""))).error_class(), ErrorClass::limit);
}

TEST_F(VerifyCommit, RefusedNamesAreQuotedWithTheirPath) {
  const ObjectId inner = source.tree(entry("100644", "a\\b\n", source.blob("")));
  const auto error = refusal_of_tree(entry("40000", "dir", inner));
  EXPECT_EQ(error.error_class(), ErrorClass::policy);
  EXPECT_EQ(error.text(), "\"dir/a\\\\b\\x0A\" holds a backslash; \"names: git\" would accept it");
  EXPECT_EQ(verify_tree(entry("40000", "dir", inner), NamePolicy::git).paths, 2U);
  const auto dotgit = refusal_of_tree(entry("40000", ".GIT", inner), NamePolicy::git);
  EXPECT_EQ(dotgit.error_class(), ErrorClass::policy);
  EXPECT_EQ(dotgit.text(), "\".GIT\" would be read as a repository");
}

TEST_F(VerifyCommit, ForeignModesAreRefused) {
  for (const std::string mode : {"10644", "20644", "60644", "140644", "104755", "102755", "101644", "41755", "0"}) {
    EXPECT_EQ(refusal_of_tree(entry(mode, "a", source.blob(""))).error_class(), ErrorClass::policy) << mode;
  }
}

TEST_F(VerifyCommit, AcceptsTheModesThatGitReadsAsFilesFoldersAndLinks) {
  for (const std::string mode : {"100600", "100640", "100666", "100700", "100775", "100777", "0100644", "120777"}) {
    EXPECT_EQ(verify_tree(entry(mode, "a", source.blob("x"))).paths, 1U) << mode;
  }
  for (const std::string mode : {"40755", "040700", "40000"}) {
    EXPECT_EQ(verify_tree(entry(mode, "a", source.tree(""))).paths, 1U) << mode;
  }
}

TEST_F(VerifyCommit, TakesUnsortedTreesWithGitsNamesPolicyOnly) {
  const ObjectId blob = source.blob("");
  const std::string unsorted =
      entry("100644", "b", blob) + entry("40000", "a", source.tree("")) + entry("100644", "c", blob);
  EXPECT_EQ(verify_tree(unsorted, NamePolicy::git).paths, 3U);
  const auto error = refusal_of_tree(unsorted);
  EXPECT_EQ(error.error_class(), ErrorClass::policy);
  EXPECT_EQ(error.text(), "\"a\" is not in git's order within its tree; \"names: git\" would accept it");
}

TEST_F(VerifyCommit, RefusesRepeatedNamesThatDisorderKeepsApart) {
  const ObjectId blob = source.blob("");
  const ObjectId folder = source.tree("");
  for (const std::string& tree : {entry("100644", "b", blob) + entry("100644", "a", blob) + entry("100644", "b", blob),
                                  entry("100644", "b", blob) + entry("100644", "a", blob) + entry("40000", "b", folder),
                                  entry("40000", "z", folder) + entry("100644", "a", blob) +
                                      entry("100644", "m", blob) + entry("120000", "z", source.blob("x"))}) {
    const auto error = refusal_of_tree(tree, NamePolicy::git);
    EXPECT_EQ(error.error_class(), ErrorClass::policy);
    EXPECT_NE(error.text().find("is there twice"), std::string::npos) << error.text();
  }
}

TEST_F(VerifyCommit, UnsortedAndRepeatedEntriesAreRefused) {
  const ObjectId blob = source.blob("");
  const ObjectId folder = source.tree("");
  EXPECT_EQ(refusal_of_tree(entry("100644", "b", blob) + entry("100644", "a", blob)).error_class(), ErrorClass::policy);
  EXPECT_EQ(refusal_of_tree(entry("100644", "a", blob) + entry("100644", "a", blob)).error_class(), ErrorClass::policy);
  EXPECT_EQ(refusal_of_tree(entry("100644", "a", blob) + entry("100644", "a.b", blob) + entry("40000", "a", folder))
                .error_class(),
            ErrorClass::policy);
}

TEST_F(VerifyCommit, MissingAndWrongObjectsAreCorrupt) {
  const ObjectId blob = source.blob("x");
  const ObjectId folder = source.tree("");
  EXPECT_EQ(refusal_of_tree(entry("40000", "a", blob)).error_class(), ErrorClass::corrupt);
  EXPECT_EQ(refusal_of_tree(entry("100644", "a", folder)).error_class(), ErrorClass::corrupt);
  EXPECT_EQ(refusal_of_tree("100644 a").error_class(), ErrorClass::corrupt);
  source.remove(blob);
  EXPECT_THROW(verify_tree(entry("100644", "a", blob)), MissingObject);
  EXPECT_THROW(verify_tree(entry("40000", "a", blob)), MissingObject);
  EXPECT_THROW(verify(blob), MissingObject);
  EXPECT_EQ(verify_tree(entry("160000", "sub", blob)).submodule_count, 1U);
}

TEST_F(VerifyCommit, WhatIsMissingMayComeWithAnotherTransferWhatIsMalformedWillNot) {
  const ObjectId blob = source.blob("x");
  EXPECT_TRUE(refusal_of_tree(entry("100644", "gone", ObjectId::from_hex(std::string(40, '1')).value())).retryable());
  EXPECT_FALSE(refusal_of_tree(entry("100644", "file", source.tree(""))).retryable());
  EXPECT_FALSE(refusal_of_tree(entry("100644", "cut", blob).substr(0, 12)).retryable());
}

TEST_F(VerifyCommit, ObjectsOverTheirCapAreRefused) {
  const ObjectId blob = source.blob("x");
  source.sizes[blob] = limits.max_object_bytes + 1;
  const auto error = refusal_of_tree(entry("100644", "a", blob));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("max_object_bytes"), std::string::npos);
}

TEST_F(VerifyCommit, LinksNeedATargetOfSaneSize) {
  EXPECT_EQ(refusal_of_tree(entry("120000", "a", source.blob(""))).error_class(), ErrorClass::policy);
  EXPECT_EQ(refusal_of_tree(entry("120000", "a", source.blob("x\0y"s))).error_class(), ErrorClass::policy);
  EXPECT_EQ(refusal_of_tree(entry("120000", "a", source.blob(std::string(4096, 'x')))).error_class(),
            ErrorClass::limit);
  EXPECT_EQ(verify_tree(entry("120000", "a", source.blob(std::string(4095, 'x')))).paths, 1U);
  EXPECT_EQ(refusal_of_tree(entry("120000", ".gitmodules", source.blob("x"))).error_class(), ErrorClass::policy);
}

TEST_F(VerifyCommit, LfsPointersAreListedWhereAttributesAre) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 12345\n";
  const ObjectId blob = source.blob(pointer);
  const ObjectId inner = source.tree(entry("100644", "big.bin", blob));
  const std::string plain = entry("40000", "a", inner) + entry("40000", "b", inner);
  EXPECT_EQ(verify_tree(plain).lfs_pointer_count, 0U);
  const auto facts = verify_tree(entry("100644", ".gitattributes", source.blob("* filter=lfs")) + plain);
  EXPECT_EQ(facts.lfs_pointer_count, 2U);
  EXPECT_EQ(facts.lfs_pointers, std::vector<std::string>{"a/big.bin"});
}

TEST_F(VerifyCommit, TagsArePeeledEightLevels) {
  const ObjectId commit = source.commit(source.tree(""));
  ObjectId at = commit;
  std::string type = "commit";
  for (int level = 0; level < 8; ++level) {
    at = source.add(ObjectType::tag, "object " + at.to_hex() + "\ntype " + type + "\ntag t\n");
    type = "tag";
  }
  EXPECT_EQ(verify(at).commit, commit);
  at = source.add(ObjectType::tag, "object " + at.to_hex() + "\ntype tag\ntag t\n");
  EXPECT_EQ(refusal(at).error_class(), ErrorClass::limit);
  const ObjectId of_blob = source.add(ObjectType::tag, "object " + source.blob("x").to_hex() + "\ntype blob\ntag t\n");
  EXPECT_EQ(refusal(of_blob).error_class(), ErrorClass::policy);
}

TEST_F(VerifyCommit, ATagOfABlobOrTreeIsAboutTheRefAndNotDamage) {
  const ObjectId blob = source.blob("x");
  const ObjectId tree = source.tree("");
  for (const auto& [target, kind] : {std::pair{blob, "blob"s}, std::pair{tree, "tree"s}}) {
    const ObjectId tag = source.add(ObjectType::tag, "object " + target.to_hex() + "\ntype " + kind + "\ntag t\n");
    const auto error = refusal(tag);
    EXPECT_EQ(error.error_class(), ErrorClass::policy);
    EXPECT_FALSE(error.retryable());
    EXPECT_EQ(error.text(), "the tag " + tag.to_hex() + " names a " + kind +
                                ", and only a commit can be published: choose another ref");
    EXPECT_EQ(refusal(target).text(), "the object " + target.to_hex() + " is a " + kind +
                                          ", and only a commit can be published: choose another ref");
  }
}

TEST_F(VerifyCommit, ReadsATargetOnceHoweverManyLinksShareIt) {
  const ObjectId target = source.blob(std::string(4000, 't'));
  std::string tree;
  for (int link = 0; link < 2'000; ++link) {
    tree += entry("120000", std::to_string(10'000 + link), target);
  }
  const ObjectId commit = source.commit(source.tree(tree));
  const int before = source.reads;
  EXPECT_EQ(verify(commit).paths, 2'000U);
  EXPECT_LE(source.reads - before, 3);
}

TEST_F(VerifyCommit, FindsLfsPointersOnBothSidesOfTheAttributesFile) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 12345\n";
  const ObjectId blob = source.blob(pointer);
  const auto facts =
      verify_tree(entry("100644", "+before", blob) + entry("100644", ".gitattributes", source.blob("* filter=lfs")) +
                  entry("100644", "behind", blob));
  EXPECT_EQ(facts.lfs_pointers, (std::vector<std::string>{"+before", "behind"}));
}

TEST_F(VerifyCommit, LimitsTheBytesThatReadingAllFilesUnfolds) {
  const ObjectId blob = source.blob("x");
  source.chains[blob] = 1ULL << 30U;
  EXPECT_EQ(verify_tree(entry("100644", "a", blob) + entry("100644", "b", blob)).paths, 2U);
  const auto error =
      refusal_of_tree(entry("100644", "a", blob) + entry("100644", "b", blob) + entry("100644", "c", blob));
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("unfold to more than 256 times"), std::string::npos) << error.text();
}

/// `git repack --depth=250` makes such chains, and an old commit stands at their ends.
TEST_F(VerifyCommit, TakesATreeWhoseFilesAllStandOn250Deltas) {
  const ObjectId blob = source.blob(std::string(1'000'000, 'x'));
  source.chains[blob] = 250'000'000;
  std::string tree;
  for (int file = 0; file < 300; ++file) {
    tree += entry("100644", std::to_string(1000 + file), blob);
  }
  EXPECT_EQ(verify_tree(tree).tree_bytes, 300'000'000U);
}

TEST_F(VerifyCommit, LimitsTheNamesOfFoldersThatWait) {
  const ObjectId empty = source.tree("");
  std::string tree;
  for (int folder = 0; folder < 250'000; ++folder) {
    tree += entry("40000", std::to_string(100'000'000 + folder) + std::string(240, 'n'), empty);
  }
  const auto error = refusal_of_tree(tree);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("64.0 MiB"), std::string::npos) << error.text();
}

TEST_F(VerifyCommit, TakesAnObjectAndATreeOfExactlyTheirLimits) {
  limits.max_object_bytes = 1'000;
  limits.max_tree_bytes = 2'000;
  const ObjectId blob = source.blob("");
  const ObjectId small = source.blob("");
  source.sizes[blob] = 1'000;
  source.sizes[small] = 1;
  const std::string full = entry("100644", "a", blob) + entry("100644", "b", blob);
  limits.max_paths = 2;
  EXPECT_EQ(verify_tree(full).tree_bytes, 2'000U);
  limits.max_paths = 3;
  EXPECT_EQ(refusal_of_tree(full + entry("100644", "c", small)).error_class(), ErrorClass::limit);
  source.sizes[blob] = 1'001;
  EXPECT_EQ(refusal_of_tree(entry("100644", "a", blob)).error_class(), ErrorClass::limit);
}

TEST_F(VerifyCommit, TakesAPathOfExactlyItsLimit) {
  for (const std::size_t last : {15U, 16U}) {
    ObjectId below = source.tree(entry("100644", std::string(last, 'f'), source.blob("")));
    for (int level = 0; level < 20; ++level) {
      below = source.tree(entry("40000", std::string(203, 'd'), below));
    }
    const ObjectId commit = source.commit(below);
    if (last == 15) {
      EXPECT_EQ(verify(commit).paths, 21U) << "4,095 bytes";
    } else {
      EXPECT_EQ(refusal(commit).error_class(), ErrorClass::limit);
    }
  }
}

TEST_F(VerifyCommit, LooksAtTheStopWithinATree) {
  std::string tree;
  for (int file = 0; file < 20'000; ++file) {
    tree += entry("100644", std::to_string(10'000 + file), source.blob(""));
  }
  const ObjectId commit = source.commit(source.tree(tree));
  const int before = source.headers;
  source.on_header = [&] {
    if (source.headers == before + 10) {
      stop.request_stop();
    }
  };
  EXPECT_EQ(refusal(commit).error_class(), ErrorClass::cancelled);
  EXPECT_LE(source.headers - before, 1'010);
}

TEST_F(VerifyCommit, LooksAtTheStopBetweenFoldersThatItKnows) {
  const ObjectId folder = source.tree(entry("100644", "f", source.blob("")));
  const ObjectId commit = source.commit(bomb(1, 3'000, folder, "40000"));
  source.on_header = [&] {
    if (source.headers == 2) {  // the first is the commit's
      stop.request_stop();
    }
  };
  EXPECT_EQ(refusal(commit).error_class(), ErrorClass::cancelled);
  EXPECT_EQ(source.headers, 2);
}

TEST_F(VerifyCommit, LooksAtTheStopWhileItLooksForRepeatedNames) {
  std::string tree = entry("100644", "z", source.blob(""));
  for (int file = 0; file < 1'500; ++file) {
    tree += entry("100644", std::to_string(10'000 + file), source.blob(""));
  }
  const ObjectId commit = source.commit(source.tree(tree));
  source.on_header = [&] {
    if (source.headers == 1'502) {  // the last one
      stop.request_stop();
    }
  };
  EXPECT_EQ(refusal(commit, NamePolicy::git).error_class(), ErrorClass::cancelled);
}

TEST_F(VerifyCommit, StopsWhenAsked) {
  stop.request_stop();
  EXPECT_EQ(refusal_of_tree("").error_class(), ErrorClass::cancelled);
}

}  // namespace
