// SPDX-License-Identifier: Apache-2.0
#include "repository_journal.hpp"
#include "values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Source first_source{"https://git.example.com/docs.git", "main"};
const Source second_source{"https://git.example.com/other.git", "main"};

SavedState sample() {
  SavedState state;
  state.source = first_source;
  state.link = "docs";
  state.former_links = {{"team/docs", second_source, id('d')}, {"old", std::nullopt, std::nullopt}};
  state.published = Published{"refs/heads/main", id('a'), id('b'), "settings"};
  state.pending = SavedState::Pending{second_source, published('e')};
  Refusal& refusal = state.refusals[id('c')];
  refusal.error_class = ErrorClass::limit;
  refusal.text = "too many \"paths\"\n\xff";
  refusal.settings = "settings";
  state.last_success = schedule::TimePoint(std::chrono::milliseconds(1'795'435'200'123));
  return state;
}

TEST(RepositoryJournal, ReadsBackWhatItWrote) {
  SavedState state = sample();
  state.refusals.begin()->second.text = "too many \"paths\"\n";
  EXPECT_EQ(parse_state(to_json(state)), state);
}

TEST(RepositoryJournal, ReadsAFileOfTheFirstVersion) {
  const auto state =
      parse_state(R"({"version":1,"url":"https://git.example.com/docs.git","link":"docs",
    "former_links":["old"],"followed":"main","last_success_ms":5,"refused":[],
    "published":{"ref":"refs/heads/main","tip":")" +
                  id('a').to_hex() + R"(","commit":")" + id('a').to_hex() + R"(","settings":"settings"}})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->source, first_source);
  EXPECT_EQ(state->published, published('a'));
  EXPECT_THAT(state->former_links, ElementsAre(FormerLink{"old", std::nullopt, std::nullopt}));
  EXPECT_FALSE(state->pending);
  EXPECT_TRUE(state->last_success);
}

TEST(RepositoryJournal, ReadsAFileThatNamesNoRef) {
  const auto state = parse_state(R"({"version":1,"url":"u","link":"l","refused":[]})");
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->last_success);
  EXPECT_TRUE(state->source.ref.empty());
}

TEST(RepositoryJournal, WritesTextThatIsNotUtf8WithoutFailing) {
  EXPECT_TRUE(parse_state(to_json(sample())));
}

TEST(RepositoryJournal, TakesAnythingElseForAbsent) {
  const std::string good = to_json(sample());
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    EXPECT_FALSE(parse_state(good.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_state("[]"));
  EXPECT_FALSE(parse_state("{\"version\": 2}"));
  constexpr std::size_t deep = 125'000;
  EXPECT_FALSE(parse_state(R"({"version":1,"url":"u","link":"l","refused":[],"former_links":)" +
                           std::string(deep, '[') + std::string(deep, ']') + "}"));
  EXPECT_FALSE(parse_state(R"({"version":1,"url":"u","link":"l","former_links":["../x"],"refused":[]})"));
  EXPECT_FALSE(parse_state(R"({"version":1,"url":"u","link":"l","former_links":[{"link":"../x"}],"refused":[]})"));
  EXPECT_FALSE(parse_state(
      R"({"version":1,"url":"u","link":"l","published":{"ref":"r","tip":"x","commit":"y","settings":""},"refused":[]})"));
}

TEST(RepositoryJournal, AFormerLinkIsNotedWithTheSourceAndCommitThatItShows) {
  SavedState state;
  EXPECT_TRUE(state.configure("docs"));
  EXPECT_THAT(state.former_links, IsEmpty());
  state.note_published(first_source, published('a'));
  EXPECT_FALSE(state.configure("docs"));
  EXPECT_TRUE(state.configure("site"));
  EXPECT_THAT(state.former_links, ElementsAre(FormerLink{"docs", first_source, id('a')}));
  EXPECT_THAT(state.links_to_remove(), ElementsAre("docs"));
}

TEST(RepositoryJournal, AFormerLinkMayShowWhatAnInterruptedPublishWasAbout) {
  SavedState state;
  state.configure("docs");
  state.note_published(first_source, published('a'));
  state.begin_publish(second_source, published('b'));
  state.configure("site");
  EXPECT_THAT(state.former_links,
              ElementsAre(FormerLink{"docs", first_source, id('a')}, FormerLink{"docs", second_source, id('b')}));
  EXPECT_THAT(state.links_to_remove(), ElementsAre("docs"));
}

TEST(RepositoryJournal, ALinkThatIsConfiguredAgainIsNotRemoved) {
  SavedState state;
  state.configure("docs");
  state.note_published(first_source, published('a'));
  state.configure("site");
  state.configure("docs");
  EXPECT_THAT(state.links_to_remove(), ElementsAre("site"));
  state.note_published(first_source, published('a'));
  EXPECT_THAT(state.former_links, ElementsAre(FormerLink{"site", first_source, id('a')}));
}

TEST(RepositoryJournal, APublishThatBeganIsSettledByWhatTheLinkShows) {
  SavedState state;
  state.configure("docs");
  state.note_published(first_source, published('a'));
  state.begin_publish(second_source, published('b'));
  SavedState neither = state;
  EXPECT_FALSE(neither.settle_pending(id('c')));
  EXPECT_TRUE(neither.pending);
  SavedState not_moved = state;
  EXPECT_TRUE(not_moved.settle_pending(id('a')));
  EXPECT_FALSE(not_moved.pending);
  EXPECT_EQ(not_moved.source, first_source);
  EXPECT_TRUE(state.settle_pending(id('b')));
  EXPECT_FALSE(state.pending);
  EXPECT_EQ(state.source, second_source);
  EXPECT_EQ(state.published, published('b'));
}

TEST(RepositoryJournal, NotesOfTheLastSuccessEndWithTheirSource) {
  SavedState state = sample();
  state.note_published(first_source, published('b'));
  EXPECT_TRUE(state.last_success);
  state.note_published(second_source, published('b'));
  EXPECT_FALSE(state.last_success);
}

TEST(RepositoryJournal, ForgetsTheOldestOfTooManyFormerLinks) {
  SavedState state;
  for (std::size_t i = 0; i < max_former_links + 3; ++i) {
    state.configure("link" + std::to_string(i));
  }
  EXPECT_EQ(state.former_links.size(), max_former_links);
  EXPECT_EQ(state.former_links.front().link, "link2");
  EXPECT_TRUE(parse_state(to_json(state)));
}

}  // namespace
}  // namespace adapter::sync
