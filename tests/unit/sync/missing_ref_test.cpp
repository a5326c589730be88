// SPDX-License-Identifier: Apache-2.0
#include "missing_ref.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace adapter::sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = RefSelection::Choice::Kind;

std::vector<wire::Ref> refs(const std::vector<std::string>& names) {
  std::vector<wire::Ref> made;
  for (const std::string& name : names) {
    wire::Ref ref;
    ref.name = name;
    ref.id = ObjectId::from_hex(std::string(40, '1')).value();
    made.push_back(std::move(ref));
  }
  return made;
}

RefSelection::Choice choice(Kind kind, std::string unborn = {}) {
  RefSelection::Choice made;
  made.kind = kind;
  made.unborn = std::move(unborn);
  return made;
}

TEST(MissingRef, LooksAmongBranchesTagsAndTheNameSpaceOfTheRef) {
  EXPECT_THAT(broader_prefixes("main"), ElementsAre("refs/heads/", "refs/tags/"));
  EXPECT_THAT(broader_prefixes("tags/v1"), ElementsAre("refs/heads/", "refs/tags/"));
  EXPECT_THAT(broader_prefixes("refs/heads/a/b"), ElementsAre("refs/heads/", "refs/tags/"));
  EXPECT_THAT(broader_prefixes("refs/pull/7/head"), ElementsAre("refs/heads/", "refs/tags/", "refs/pull/"));
  EXPECT_THAT(broader_prefixes("pull/7/head"), ElementsAre("refs/heads/", "refs/tags/", "refs/pull/"));
}

TEST(MissingRef, PutsTheNearestNamesFirstAndWritesThemAsRefTakesThem) {
  const auto all = refs({"HEAD", "refs/heads/develop", "refs/heads/main", "refs/tags/v1.0", "refs/heads/release/2"});
  EXPECT_EQ(nearest_refs("maim", all).front(), "main");
  EXPECT_EQ(nearest_refs("heads/maim", all).front(), "main");
  EXPECT_EQ(nearest_refs("v1.1", all).front(), "tags/v1.0");
  EXPECT_EQ(nearest_refs("refs/tags/v1.1", all).front(), "tags/v1.0");
  EXPECT_EQ(nearest_refs("release", all).front(), "release/2");
  EXPECT_THAT(nearest_refs("x", all), SizeIs(4)) << "HEAD is not one of them";
  EXPECT_EQ(nearest_refs("refs/pull/8/head", refs({"refs/pull/7/head"})).front(), "refs/pull/7/head");
}

TEST(MissingRef, ShowsAFewOfManyAndNoneOfNone) {
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i) {
    names.push_back("refs/heads/branch-" + std::to_string(i));
  }
  EXPECT_THAT(nearest_refs("branch", refs(names)), SizeIs(max_shown_refs));
  EXPECT_THAT(nearest_refs(std::string(1024, 'x'), refs(names)), SizeIs(max_shown_refs));
  EXPECT_THAT(nearest_refs("main", {}), IsEmpty());
}

TEST(MissingRef, SaysWhatIsMissingAndWhatToDo) {
  EXPECT_EQ(describe_missing("maim", choice(Kind::missing), {"main", "tags/v1"}, true),
            "the remote has no ref \"maim\"; the nearest there are: main, tags/v1; correct ref, or push it; what is "
            "published stays, and it is looked for on schedule");
  EXPECT_THAT(describe_missing("maim", choice(Kind::missing), {}, true), Not(HasSubstr("nearest")));
  EXPECT_THAT(describe_missing("main", choice(Kind::empty_remote), {}, true), HasSubstr("it was emptied or made anew"));
}

TEST(MissingRef, SpeaksOfWhatIsPublishedOnlyWhereSomethingIs) {
  for (const auto& [ref, kind] :
       {std::pair("main", Kind::missing), std::pair("HEAD", Kind::missing), std::pair("main", Kind::empty_remote)}) {
    EXPECT_THAT(describe_missing(ref, choice(kind), {}, true), HasSubstr("what is published stays, and it is looked"));
    const std::string never = describe_missing(ref, choice(kind), {}, false);
    EXPECT_THAT(never, Not(HasSubstr("published")));
    EXPECT_THAT(never, HasSubstr("; it is looked for on schedule"));
  }
}

TEST(MissingRef, NamesTheBranchOfAnUnbornHead) {
  EXPECT_THAT(describe_missing("HEAD", choice(Kind::missing, "refs/heads/main"), {"trunk"}, true),
              HasSubstr("HEAD points to \"refs/heads/main\", which it does not have (unborn); the nearest there are: "
                        "trunk; push that branch"));
  EXPECT_THAT(describe_missing("HEAD", choice(Kind::missing), {}, true), HasSubstr("points to no branch that it has"));
}

TEST(MissingRef, EscapesAndShortensWhatTheRemoteSays) {
  const std::string text = describe_missing("a", choice(Kind::missing), {"b\x1b[31m", std::string(1000, 'c')}, true);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_LT(text.size(), 400U);
}

}  // namespace
}  // namespace adapter::sync
