// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <gtest/gtest.h>

namespace adapter::sync {
namespace {

RepositoryState sample() {
  RepositoryState state;
  state.url = "https://git.example.com/docs.git";
  state.link = "docs";
  state.former_links = {"team/docs", "old"};
  state.published.emplace();
  state.published->ref = "refs/heads/main";
  state.published->tip = *ObjectId::from_hex(std::string(40, 'a'));
  state.published->commit = *ObjectId::from_hex(std::string(40, 'b'));
  state.published->settings = "v1-1";
  Refusal& refusal = state.refusals[*ObjectId::from_hex(std::string(40, 'c'))];
  refusal.error_class = ErrorClass::limit;
  refusal.text = "too many \"paths\"\n\xff";
  refusal.settings = "v1-1";
  state.followed = "main";
  state.last_success = schedule::TimePoint(std::chrono::milliseconds(1'795'435'200'123));
  return state;
}

TEST(StateFile, ReadsBackWhatItWrote) {
  RepositoryState state = sample();
  state.refusals.begin()->second.text = "too many \"paths\"\n";
  EXPECT_EQ(parse_state(to_json(state)), state);
}

TEST(StateFile, ReadsWhatKnewNothingOfSuccess) {
  const auto state = parse_state(R"({"version":1,"url":"u","link":"l","refused":[]})");
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->last_success);
  EXPECT_TRUE(state->followed.empty());
}

TEST(StateFile, WritesTextThatIsNotUtf8WithoutFailing) {
  EXPECT_TRUE(parse_state(to_json(sample())));
}

TEST(StateFile, TakesAnythingElseForAbsent) {
  const std::string good = to_json(sample());
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    EXPECT_FALSE(parse_state(good.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_state("[]"));
  EXPECT_FALSE(parse_state("{\"version\": 2}"));
  EXPECT_FALSE(parse_state(R"({"version":1,"url":"u","link":"l","former_links":["../x"],"refused":[]})"));
  EXPECT_FALSE(parse_state(
      R"({"version":1,"url":"u","link":"l","published":{"ref":"r","tip":"x","commit":"y","settings":""},"refused":[]})"));
}

}  // namespace
}  // namespace adapter::sync
