// SPDX-License-Identifier: Apache-2.0
#include "ref_selection.hpp"
#include "values.hpp"

#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using Kind = RefSelection::Choice::Kind;

wire::Ref ref(std::string name, char digit, std::string target = {}) {
  wire::Ref made;
  made.name = std::move(name);
  made.id = id(digit);
  made.symref_target = std::move(target);
  return made;
}

std::vector<wire::Ref> usual() {
  return {ref("HEAD", '1', "refs/heads/main"), ref("refs/heads/main", '1'), ref("refs/heads/main-2", '2'),
          ref("refs/heads/both", '3'),         ref("refs/tags/both", '4'),  ref("refs/tags/v1", '5')};
}

TEST(RefSelection, AsksForHeadAlwaysAndForABranchAndATagOfAShortName) {
  EXPECT_EQ(RefSelection("HEAD").prefixes(), (std::vector<std::string>{"HEAD"}));
  EXPECT_EQ(RefSelection("main").prefixes(), (std::vector<std::string>{"HEAD", "refs/heads/main", "refs/tags/main"}));
  EXPECT_EQ(RefSelection("refs/pull/1/head").prefixes(), (std::vector<std::string>{"HEAD", "refs/pull/1/head"}));
}

TEST(RefSelection, FollowsHeadUnderTheNameOfItsBranch) {
  const auto choice = RefSelection("HEAD").choose(usual());
  EXPECT_EQ(choice.kind, Kind::found);
  EXPECT_EQ(choice.ref, "refs/heads/main");
  EXPECT_EQ(choice.tip, id('1'));
}

TEST(RefSelection, TakesADetachedHeadWithoutAName) {
  const auto choice = RefSelection("HEAD").choose({ref("HEAD", '7')});
  EXPECT_EQ(choice.kind, Kind::found);
  EXPECT_EQ(choice.ref, "");
}

TEST(RefSelection, MatchesNamesExactlyAndNotByPrefix) {
  EXPECT_EQ(RefSelection("main").choose(usual()).tip, id('1'));
  EXPECT_EQ(RefSelection("mai").choose(usual()).kind, Kind::missing);
}

TEST(RefSelection, ReadsAShortenedNameAsGitDoes) {
  std::vector<wire::Ref> refs = usual();
  refs.push_back(ref("refs/pull/1/head", '6'));
  refs.push_back(ref("refs/heads/feature/x", '7'));
  EXPECT_EQ(RefSelection("heads/main").choose(refs).ref, "refs/heads/main");
  EXPECT_EQ(RefSelection("tags/v1").choose(refs).ref, "refs/tags/v1");
  EXPECT_EQ(RefSelection("tags/both").choose(refs).ref, "refs/tags/both");
  EXPECT_EQ(RefSelection("pull/1/head").choose(refs).ref, "refs/pull/1/head");
  EXPECT_EQ(RefSelection("feature/x").choose(refs).ref, "refs/heads/feature/x");
  EXPECT_FALSE(RefSelection("tags/both").choose(refs).ambiguous);
  refs.push_back(ref("refs/heads/tags/v1", '8'));
  EXPECT_EQ(RefSelection("tags/v1").choose(refs).ref, "refs/tags/v1") << "gitrevisions(7): below refs/ first";
  EXPECT_TRUE(RefSelection("tags/v1").choose(refs).ambiguous);
}

TEST(RefSelection, AsksForWhatAShortenedNameMayMean) {
  EXPECT_EQ(RefSelection("tags/v1").prefixes(),
            (std::vector<std::string>{"HEAD", "refs/tags/v1", "refs/heads/tags/v1", "refs/tags/tags/v1"}));
  EXPECT_TRUE(RefSelection("pull/1/head").concerns("refs/pull/1/head", ""));
  EXPECT_FALSE(RefSelection("pull/1/head").concerns("refs/pull/2/head", ""));
}

TEST(RefSelection, NamesTheBranchOfAnUnbornHead) {
  wire::Ref unborn;
  unborn.name = "HEAD";
  unborn.symref_target = "refs/heads/main";
  const auto choice = RefSelection("HEAD").choose({unborn, ref("refs/heads/trunk", '1')});
  EXPECT_EQ(choice.kind, Kind::missing);
  EXPECT_EQ(choice.unborn, "refs/heads/main");
}

TEST(RefSelection, PrefersABranchToATagAndSaysSo) {
  const auto choice = RefSelection("both").choose(usual());
  EXPECT_EQ(choice.tip, id('3'));
  EXPECT_TRUE(choice.ambiguous);
  EXPECT_FALSE(RefSelection("v1").choose(usual()).ambiguous);
  EXPECT_EQ(RefSelection("v1").choose(usual()).ref, "refs/tags/v1");
}

TEST(RefSelection, TellsAnEmptyRemoteFromAMissingBranch) {
  EXPECT_EQ(RefSelection("main").choose({}).kind, Kind::empty_remote);
  wire::Ref unborn;
  unborn.name = "HEAD";
  unborn.symref_target = "refs/heads/main";
  EXPECT_EQ(RefSelection("HEAD").choose({unborn}).kind, Kind::empty_remote);
  EXPECT_EQ(RefSelection("gone").choose(usual()).kind, Kind::missing);
  EXPECT_EQ(RefSelection("refs/heads/gone").choose(usual()).kind, Kind::missing);
}

TEST(RefSelection, APinnedCommitNeedsNoAnswer) {
  const RefSelection selection(std::string(40, 'a'));
  ASSERT_TRUE(selection.pinned());
  EXPECT_TRUE(selection.prefixes().empty());
  const auto choice = selection.choose({});
  EXPECT_EQ(choice.kind, Kind::found);
  EXPECT_EQ(choice.tip, id('a'));
  EXPECT_EQ(choice.ref, "");
}

TEST(RefSelection, KnowsWhichPushMovesWhatItFollows) {
  const RefSelection branch("main");
  EXPECT_TRUE(branch.concerns("refs/heads/main", "refs/heads/main"));
  EXPECT_FALSE(branch.concerns("refs/heads/feature/main", "refs/heads/main"));
  EXPECT_FALSE(branch.concerns("refs/tags/main", "refs/heads/main"));
  EXPECT_TRUE(branch.concerns("refs/tags/main", "")) << "which it will be is not known yet";
  EXPECT_FALSE(branch.concerns("refs/heads/feature/main", ""));
  EXPECT_TRUE(branch.concerns("", "refs/heads/main")) << "of something";
  const RefSelection head("HEAD");
  EXPECT_TRUE(head.concerns("refs/heads/trunk", ""));
  EXPECT_FALSE(head.concerns("refs/tags/v1", ""));
  EXPECT_FALSE(head.concerns("refs/heads/other", "refs/heads/trunk"));
  EXPECT_TRUE(RefSelection("refs/notes/x").concerns("refs/notes/x", ""));
}

}  // namespace
}  // namespace adapter::sync
