// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.hpp"

namespace adapter::wire {
namespace {

using testing::data_pkt;
using testing::expect_error;
using testing::fact_id;
using testing::id_a;
using testing::id_b;

struct RefsAnswer {
  std::vector<Ref> refs;
  std::optional<Error> error;
  bool done = false;
};

RefsAnswer read_refs(std::string_view bytes, std::vector<std::string> prefixes = {}, std::size_t piece = 1 << 20) {
  LsRefsParser parser(std::move(prefixes), Limits{});
  RefsAnswer answer;
  answer.error = testing::replay(bytes, piece, [&parser](const Pkt& pkt) { return parser.take(pkt); });
  answer.done = parser.done();
  answer.refs = std::move(parser).take_refs();
  return answer;
}

std::optional<Error> error_of(const std::string& line) {
  return LsRefsParser({}, Limits{}).take(data_pkt(line));
}

Capabilities git_capabilities() {
  CapabilitiesParser parser;
  EXPECT_FALSE(testing::replay(testing::recorded("info_refs_main_v2.response"), 4096, [&parser](const Pkt& pkt) {
                 return parser.take(pkt);
               }).has_value());
  return parser.result();
}

TEST(LsRefs, AsksWithTheBytesThatGitAnswered) {
  const auto capabilities = git_capabilities();
  EXPECT_EQ(ls_refs_request(capabilities, {"HEAD", "refs/"}, testing::agent),
            testing::recorded("ls_refs_main.request"));
  EXPECT_EQ(ls_refs_request(capabilities, {"refs/heads/main", "refs/tags/v1.0"}, testing::agent),
            testing::recorded("ls_refs_narrow.request"));
}

TEST(LsRefs, AsksOnlyForWhatTheServerKnows) {
  Capabilities old;
  old.version = 2;
  EXPECT_EQ(ls_refs_request(old, {"HEAD"}, testing::agent),
            "0014command=ls-refs\n00010009peel\n000csymrefs\n0014ref-prefix HEAD\n0000");
}

TEST(LsRefs, ReadsBranchesTagsAndHead) {
  const std::vector<Ref> expected{
      {"HEAD", fact_id("commit4"), std::nullopt, "refs/heads/main"},
      {"refs/heads/main", fact_id("ref:refs/heads/main"), std::nullopt, ""},
      {"refs/heads/side", fact_id("ref:refs/heads/side"), std::nullopt, ""},
      {"refs/tags/light", fact_id("ref:refs/tags/light"), std::nullopt, ""},
      {"refs/tags/v1.0", fact_id("ref:refs/tags/v1.0"), fact_id("ref:refs/tags/v1.0^{}"), ""},
      {"refs/tags/v1.0-signed", fact_id("ref:refs/tags/v1.0-signed"), fact_id("ref:refs/tags/v1.0-signed^{}"), ""},
  };
  for (const std::size_t piece : {1U, 13U, 100'000U}) {
    const auto answer = read_refs(testing::recorded("ls_refs_main.response"), {"HEAD", "refs/"}, piece);
    ASSERT_FALSE(answer.error.has_value()) << answer.error->text();
    EXPECT_TRUE(answer.done);
    EXPECT_EQ(answer.refs, expected);
  }
}

TEST(LsRefs, ReadsAnUnbornHead) {
  const auto empty = read_refs(testing::recorded("ls_refs_empty.response"));
  EXPECT_FALSE(empty.error.has_value());
  EXPECT_TRUE(empty.done);
  EXPECT_EQ(empty.refs, (std::vector<Ref>{{"HEAD", ObjectId{}, std::nullopt, "refs/heads/trunk"}}));

  const auto unborn = read_refs(testing::recorded("ls_refs_unborn.response"));
  ASSERT_EQ(unborn.refs.size(), 6U);
  EXPECT_TRUE(unborn.refs[0].id.is_zero());
  EXPECT_EQ(unborn.refs[0].symref_target, "refs/heads/later");
}

TEST(LsRefs, ReadsADetachedHeadAndAnAnswerWithoutRefs) {
  const auto detached = read_refs(testing::recorded("ls_refs_detached.response"), {"HEAD"});
  EXPECT_EQ(detached.refs, (std::vector<Ref>{{"HEAD", fact_id("commit2"), std::nullopt, ""}}));
  const auto nothing = read_refs("0000");
  EXPECT_FALSE(nothing.error.has_value());
  EXPECT_TRUE(nothing.done);
  EXPECT_TRUE(nothing.refs.empty());
}

TEST(LsRefs, KeepsOnlyWhatWasAskedFor) {
  const auto answer = read_refs(testing::recorded("ls_refs_main.response"), {"refs/heads/main", "refs/tags/v1.0"});
  std::vector<std::string> names;
  for (const auto& ref : answer.refs) {
    names.push_back(ref.name);
  }
  // The server sends v1.0-signed too, whose name only begins like the one that was asked for.
  EXPECT_THAT(names, ::testing::ElementsAre("refs/heads/main", "refs/tags/v1.0"));
  const auto below = read_refs(testing::recorded("ls_refs_main.response"), {"refs/tags/"});
  EXPECT_EQ(below.refs.size(), 3U);
  const auto ignored =
      read_refs(testing::packets({id_a + " refs/heads/bad..name", id_a + " refs/heads/x"}) + "0000", {"refs/heads/x"});
  EXPECT_FALSE(ignored.error.has_value());
  EXPECT_EQ(ignored.refs.size(), 1U);
}

TEST(LsRefs, IgnoresAttributesOfTheFuture) {
  const auto answer = read_refs(
      testing::packets({id_a + " refs/x/HEAD symref-target:refs/x/main", id_a + " refs/heads/x new:1 peeled:" + id_b}) +
      "0000");
  ASSERT_FALSE(answer.error.has_value()) << answer.error->text();
  EXPECT_EQ(answer.refs[0].symref_target, "");
  EXPECT_EQ(answer.refs[1].peeled, ObjectId::from_hex(id_b));
}

TEST(LsRefs, RefusesMalformedLines) {
  expect_error(error_of(""), ErrorClass::protocol, "malformed line");
  expect_error(error_of("refs/heads/main"), ErrorClass::protocol, "malformed line");
  expect_error(error_of(id_a.substr(1) + " refs/heads/x"), ErrorClass::protocol, "malformed line");
  expect_error(error_of(std::string(40, 'A') + " refs/heads/x"), ErrorClass::protocol, "malformed line");
  expect_error(error_of(std::string(40, '0') + " refs/heads/x"), ErrorClass::protocol, "malformed line");
  expect_error(error_of(std::string(64, 'a') + " refs/heads/x"), ErrorClass::protocol, "only sha1 is supported");
  expect_error(error_of(id_a), ErrorClass::protocol, "name that git does not allow");
  expect_error(error_of(id_a + "  refs/heads/x"), ErrorClass::protocol, "name that git does not allow");
  expect_error(error_of(id_a + " refs/heads/../x"), ErrorClass::protocol, "name that git does not allow");
  expect_error(error_of(id_a + " refs/heads/\x1b[2J"), ErrorClass::protocol, "\\x1B[2J");
  expect_error(error_of(id_a + " refs/heads/x peeled:abc"), ErrorClass::protocol, "peeled id");
  expect_error(error_of(id_a + " refs/tags/x peeled:" + id_a + " peeled:" + id_b), ErrorClass::protocol, "repeated");
  expect_error(error_of(id_a + " HEAD symref-target:refs/heads/a..b"), ErrorClass::protocol, "symbolic ref");
  expect_error(error_of(id_a + " HEAD symref-target:refs/a symref-target:refs/b"), ErrorClass::protocol, "repeated");
  expect_error(error_of("unborn refs/heads/x"), ErrorClass::protocol, "name that git does not allow");
  expect_error(error_of("unborn HEAD"), ErrorClass::protocol, "unborn HEAD");
  expect_error(error_of("unborn HEAD symref-target:refs/heads/x peeled:" + id_a), ErrorClass::protocol, "unborn HEAD");
}

TEST(LsRefs, RefusesARefThatIsListedTwice) {
  const auto bytes =
      testing::packets({id_a + " refs/heads/x", id_a + " refs/heads/y", id_b + " refs/heads/x"}) + "0000";
  expect_error(read_refs(bytes).error, ErrorClass::protocol, "the same ref twice: \"refs/heads/x\"");
}

TEST(LsRefs, StopsAtTheLimit) {
  Limits limits;
  limits.max_refs = 2;
  LsRefsParser parser({"refs/heads/"}, limits);
  EXPECT_FALSE(parser.take(data_pkt(id_a + " refs/heads/a")).has_value());
  EXPECT_FALSE(parser.take(data_pkt(id_a + " refs/tags/not-kept")).has_value());
  EXPECT_FALSE(parser.take(data_pkt(id_a + " refs/heads/b")).has_value());
  expect_error(parser.take(data_pkt(id_a + " refs/heads/c")), ErrorClass::limit, "more than 2 matching refs");
}

TEST(LsRefs, RefusesPacketsThatDoNotBelongThere) {
  LsRefsParser parser({}, Limits{});
  expect_error(parser.take(testing::delim), ErrorClass::protocol, "does not belong there");
  expect_error(parser.take(testing::response_end), ErrorClass::protocol, "does not belong there");
  expect_error(parser.take(data_pkt("ERR no")), ErrorClass::protocol, "the server says: no");
  EXPECT_FALSE(parser.take(testing::flush).has_value());
  expect_error(parser.take(data_pkt(id_a + " refs/heads/a")), ErrorClass::protocol, "after its end");
}

TEST(LsRefs, KeepsTheFirstOfALargeAnswerAndCountsTheOthers) {
  constexpr std::size_t all = 100'000;
  Limits limits;
  for (const std::uint64_t most : {all, all - 1}) {
    limits.max_refs = most;
    LsRefsParser parser({"refs/"}, limits, 10);
    std::optional<Error> error;
    for (std::size_t i = 0; i < all && !error; ++i) {
      const std::string line = std::string(40, '1') + " refs/heads/" + std::to_string(i) + std::string(200, 'n');
      Pkt pkt;
      pkt.kind = PktKind::data;
      pkt.payload = line;
      error = parser.take(pkt);
    }
    EXPECT_EQ(error.has_value(), most < all);
    EXPECT_EQ(parser.refs().size(), 10U);
    EXPECT_LE(parser.refs().capacity(), 16U) << "refs of 232 bytes and more each, were all of them kept";
  }
}

}  // namespace
}  // namespace adapter::wire
