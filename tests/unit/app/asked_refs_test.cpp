// SPDX-License-Identifier: Apache-2.0
#include "asked_refs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string commit(40, 'a');

std::vector<wire::Ref> refs(const std::vector<std::string>& names) {
  std::vector<wire::Ref> made;
  for (const std::string& name : names) {
    wire::Ref ref;
    ref.name = name;
    ref.id = ObjectId::from_hex(commit).value();
    made.push_back(std::move(ref));
  }
  return made;
}

TEST(AskedRefs, AreAskedForAsTheConfigurationTakesThem) {
  EXPECT_THAT(prefixes_for({}), ElementsAre("HEAD", "refs/"));
  EXPECT_THAT(prefixes_for({"main"}), ElementsAre("refs/heads/main", "refs/tags/main"));
  EXPECT_THAT(prefixes_for({"tags/v1"}), ElementsAre("refs/heads/tags/v1", "refs/tags/tags/v1", "refs/tags/v1"));
  EXPECT_THAT(prefixes_for({"HEAD", "refs/pull/7/head"}), ElementsAre("HEAD", "refs/pull/7/head"));
  EXPECT_THAT(prefixes_for({commit}), ElementsAre("HEAD")) << "not all of them";
}

TEST(AskedRefs, EachThatTheRemoteLacksIsNamed) {
  const auto all = refs({"HEAD", "refs/heads/main", "refs/tags/v1", "refs/pull/7/head"});
  EXPECT_THAT(describe_absent({}, all), IsEmpty());
  EXPECT_THAT(describe_absent({"HEAD", "main", "v1", "tags/v1", "refs/pull/7/head", "refs/pull/", "pull/"}, all),
              IsEmpty());
  EXPECT_THAT(describe_absent({"main", "nope", "mai", "a\x1b[1m"}, all),
              ElementsAre("the remote has no ref \"nope\"; without a name all of its refs are listed",
                          HasSubstr("no ref \"mai\""), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(describe_absent({"main"}, {}), ElementsAre(HasSubstr("no ref \"main\"")));
}

TEST(AskedRefs, ACommitIdIsToldApart) {
  EXPECT_THAT(describe_absent({commit}, refs({"refs/heads/main"})),
              ElementsAre(HasSubstr("is a commit id, and only refs can be listed")));
}

}  // namespace
}  // namespace adapter::app
