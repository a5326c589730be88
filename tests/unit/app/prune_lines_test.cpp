// SPDX-License-Identifier: Apache-2.0
#include "client/prune_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view listed =
    R"({"repositories":[
         {"name":"wiki","directory":"/data/.adapter/wiki","links":["pages","old"],"due_in_seconds":7200},
         {"name":"site","directory":"/data/.adapter/site","links":[],"due_in_seconds":null},
         {"name":"kept","directory":"/data/.adapter/kept","links":["kept"],"needed_by":"docs","due_in_seconds":1},
         {"name":"held","directory":"/data/.adapter/held","links":[],"held":true,"due_in_seconds":null}]})";

TEST(PruneLines, SayWhereWhenAndWhyNot) {
  const PruneList list = prune_list(listed).value();
  EXPECT_EQ(list.text,
            "wiki: /data/.adapter/wiki, link pages, old; due in 2h\n"
            "site: /data/.adapter/site; it stays until it is pruned by this command\n"
            "kept: /data/.adapter/kept, link kept; kept: the link docs of a configured repository still leads into its "
            "trees\n"
            "held: /data/.adapter/held; kept: no repository is configured; nothing is removed until there is one "
            "again\n");
  EXPECT_THAT(list.names, ElementsAre("wiki", "site"));
}

TEST(PruneLines, AreTheSameWithoutADaemon) {
  const PruneList list = prune_list(std::vector<sync::PruneCandidate>{
      {"wiki", "/data/.adapter/wiki", {"pages", "old"}, std::nullopt, ""},
      {"kept", "/data/.adapter/kept", {"kept"}, std::nullopt, "docs"},
  });
  EXPECT_EQ(list.text,
            "wiki: /data/.adapter/wiki, link pages, old; it stays until it is pruned by this command\n"
            "kept: /data/.adapter/kept, link kept; kept: the link docs of a configured repository still leads into its "
            "trees\n");
  EXPECT_THAT(list.names, ElementsAre("wiki"));
}

TEST(PruneLines, SayThatThereIsNothing) {
  EXPECT_EQ(prune_list(R"({"repositories":[]})").value().text, "nothing to prune\n");
  EXPECT_THAT(prune_list(R"({"repositories":[]})").value().names, IsEmpty());
}

TEST(PruneLines, AreAnErrorWhenTheAnswerIsSomethingElse) {
  for (const std::string& json : {std::string("{}"), std::string(""), std::string(2'000'000, '['), std::string("[]"),
                                  std::string(R"({"repositories":{}})"), std::string(R"({"repositories":[1]})"),
                                  std::string(R"({"repositories":[{"name":7}]})")}) {
    EXPECT_EQ(prune_list(json).error().text(), "the answer is not a list of repositories") << json.substr(0, 80);
    EXPECT_EQ(prune_outcome(json).error().text(), "the answer is not a list of repositories") << json.substr(0, 80);
  }
}

TEST(PruneLines, LetNothingOfAnAnswerActOnTheTerminal) {
  const PruneList list =
      prune_list(R"({"repositories":[{"name":"a\u001b[2J","directory":"d\n","links":["l\u0007"],"needed_by":"n\r"}]})")
          .value();
  EXPECT_THAT(list.text.substr(0, list.text.size() - 1), ::testing::Not(::testing::ContainsRegex("[\x01-\x1f]")));
}

TEST(PruneLines, SayWhatWasRemovedAndWhatFailed) {
  const PruneOutcome outcome =
      prune_outcome(
          R"({"repositories":[{"name":"wiki","error":null},{"name":"site","error":{"class":"storage","text":"no space"}}]})")
          .value();
  EXPECT_EQ(outcome.text, "wiki: removed\nsite: not removed: no space\n");
  EXPECT_TRUE(outcome.failed);
  EXPECT_FALSE(prune_outcome(R"({"repositories":[{"name":"wiki","error":null}]})").value().failed);
  const PruneOutcome alone = prune_outcome(
      std::vector<sync::PruneResult>{{"wiki", std::nullopt}, {"site", Error(ErrorClass::storage, "full")}});
  EXPECT_EQ(alone.text, "wiki: removed\nsite: not removed: full\n");
  EXPECT_TRUE(alone.failed);
}

}  // namespace
}  // namespace adapter::app
