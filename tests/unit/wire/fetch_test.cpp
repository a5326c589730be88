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

struct FetchAnswer {
  FetchParser parser;
  std::string pack;
  std::string progress;
  std::optional<Error> error;
};

FetchAnswer read_fetch(std::string_view bytes, std::size_t piece = 1 << 20) {
  FetchAnswer answer;
  answer.error = testing::replay(bytes, piece, [&answer](const Pkt& pkt) -> std::optional<Error> {
    const auto event = answer.parser.take(pkt);
    if (!event) {
      return event.error();
    }
    if (event->kind == FetchParser::Event::Kind::pack) {
      answer.pack += event->bytes;
    } else if (event->kind == FetchParser::Event::Kind::progress) {
      answer.progress += event->bytes;
    } else {
      EXPECT_TRUE(event->bytes.empty());
    }
    return std::nullopt;
  });
  return answer;
}

std::optional<Error> error_of(const std::vector<Pkt>& packets) {
  FetchParser parser;
  for (std::size_t at = 0; at < packets.size(); ++at) {
    const auto event = parser.take(packets[at]);
    if (!event) {
      EXPECT_EQ(at + 1, packets.size()) << "failed too early: " << event.error().text();
      return event.error();
    }
  }
  return std::nullopt;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  return out;
}

Capabilities with_shallow() {
  Capabilities capabilities;
  capabilities.version = 2;
  capabilities.agent = "git/2.39.5";
  capabilities.fetch_shallow = true;
  return capabilities;
}

TEST(Fetch, AsksWithTheBytesThatGitAnswered) {
  const auto tip = fact_id("commit4");
  const auto parent = fact_id("commit3");
  const std::vector<std::pair<std::string, FetchArguments>> cases{
      {"fetch_shallow", {{tip}, {}, {}, 1}},
      {"fetch_full", {{tip}, {}, {}, 0}},
      {"fetch_update", {{tip}, {parent}, {parent}, 1}},
      {"fetch_follow", {{tip}, {fact_id("commit2")}, {fact_id("commit2")}, 0}},
      {"fetch_deepen", {{tip}, {tip}, {tip}, 3}},
      {"fetch_nothing_new", {{tip}, {tip}, {}, 0}},
  };
  for (const auto& [name, arguments] : cases) {
    EXPECT_EQ(fetch_request(with_shallow(), arguments, testing::agent), testing::recorded(name + ".request")) << name;
  }
}

TEST(Fetch, AsksNothingThatTheServerDoesNotKnow) {
  const FetchArguments arguments{{*ObjectId::from_hex(id_a)}, {}, {*ObjectId::from_hex(id_a)}, 5};
  EXPECT_EQ(fetch_request(Capabilities{}, arguments, testing::agent),
            "0012command=fetch\n0001000ethin-pack\n000eofs-delta\n0032want " + id_a + "\n0009done\n0000");
}

TEST(Fetch, ReadsPackAndBoundaryOfRealAnswers) {
  struct Case {
    std::string name;
    std::vector<std::string> shallow;
    std::vector<std::string> unshallow;
  };
  const std::vector<Case> cases{
      {"fetch_shallow", {"commit4"}, {}},         {"fetch_full", {}, {}},   {"fetch_update", {"commit4"}, {}},
      {"fetch_deepen", {"commit2"}, {"commit4"}}, {"fetch_follow", {}, {}}, {"fetch_nothing_new", {}, {}},
  };
  const auto ids = [](const std::vector<std::string>& facts) {
    std::vector<ObjectId> result;
    for (const auto& name : facts) {
      result.push_back(fact_id(name));
    }
    return result;
  };
  for (const auto& expected : cases) {
    for (const std::size_t piece : {1U, 1000U, 200'000U}) {
      const auto answer = read_fetch(testing::recorded(expected.name + ".response"), piece);
      ASSERT_FALSE(answer.error.has_value()) << expected.name << ": " << answer.error->text();
      EXPECT_TRUE(answer.parser.done()) << expected.name;
      EXPECT_EQ(std::to_string(answer.pack.size()), testing::fact(expected.name + ".pack_bytes")) << expected.name;
      EXPECT_TRUE(answer.pack.starts_with("PACK")) << expected.name;
      EXPECT_EQ(hex(answer.pack.substr(answer.pack.size() - 20)), testing::fact(expected.name + ".pack_trailer"));
      EXPECT_THAT(answer.progress, ::testing::HasSubstr("Total ")) << expected.name;
      EXPECT_EQ(answer.parser.shallow(), ids(expected.shallow)) << expected.name;
      EXPECT_EQ(answer.parser.unshallow(), ids(expected.unshallow)) << expected.name;
    }
  }
}

TEST(Fetch, SaysThatTheCommitIsGone) {
  const auto answer = read_fetch(testing::recorded("fetch_not_our_ref.response"));
  expect_error(answer.error, ErrorClass::not_found, "not our ref 1212");
  expect_error(answer.error, ErrorClass::not_found, "the server has no such commit, or does not give it out");
  EXPECT_TRUE(answer.error->retryable());
}

TEST(Fetch, AcceptsAcknowledgmentsAndKeepAlives) {
  FetchParser parser;
  const std::string ack = "ACK " + id_a + "\n";
  const std::string shallow = "shallow " + id_a;
  const std::vector<Pkt> before_the_pack{
      data_pkt("acknowledgments\n"), data_pkt("NAK\n"), data_pkt(ack),  data_pkt("ready\n"),    testing::delim,
      data_pkt("shallow-info\n"),    data_pkt(shallow), testing::delim, data_pkt("packfile\n"), data_pkt("\x01"),
  };
  for (const auto& pkt : before_the_pack) {
    const auto event = parser.take(pkt);
    ASSERT_TRUE(event.has_value()) << event.error().text();
    EXPECT_EQ(event->kind, FetchParser::Event::Kind::none);
  }
  EXPECT_EQ(parser.take(data_pkt("\x01PACK"))->bytes, "PACK");
  EXPECT_FALSE(parser.done());
  EXPECT_TRUE(parser.take(testing::flush).has_value());
  EXPECT_TRUE(parser.done());
}

TEST(Fetch, RefusesSectionsOutOfPlace) {
  const auto ack = data_pkt("acknowledgments\n");
  const auto shallow = data_pkt("shallow-info\n");
  const auto& delim = testing::delim;
  expect_error(error_of({shallow, delim, ack}), ErrorClass::protocol, "wrong order");
  expect_error(error_of({shallow, delim, shallow}), ErrorClass::protocol, "wrong order");
  expect_error(error_of({data_pkt("wanted-refs\n")}), ErrorClass::protocol, "not asked for: \"wanted-refs\"");
  expect_error(error_of({ack, delim, data_pkt("packfile-uris\n")}), ErrorClass::protocol, "not asked for");
  expect_error(error_of({data_pkt("\x1b]0;x\a")}), ErrorClass::protocol, "\\x1B]0;x\\x07");
  expect_error(error_of({delim}), ErrorClass::protocol, "does not belong there");
  expect_error(error_of({ack, delim, delim}), ErrorClass::protocol, "does not belong there");
  expect_error(error_of({testing::response_end}), ErrorClass::protocol, "does not belong there");
}

TEST(Fetch, RefusesAnAnswerWithoutAPack) {
  expect_error(error_of({testing::flush}), ErrorClass::protocol, "ended before a pack");
  expect_error(error_of({data_pkt("acknowledgments\n"), data_pkt("NAK\n"), testing::flush}), ErrorClass::protocol,
               "ended before a pack");
  expect_error(error_of({data_pkt("packfile\n"), testing::flush}), ErrorClass::protocol, "ended before a pack");
  expect_error(error_of({data_pkt("packfile\n"), data_pkt("\x01x"), testing::flush, testing::flush}),
               ErrorClass::protocol, "after its end");
}

TEST(Fetch, RefusesMalformedLines) {
  expect_error(error_of({data_pkt("acknowledgments\n"), data_pkt("ACK abc\n")}), ErrorClass::protocol,
               "acknowledgment");
  expect_error(error_of({data_pkt("acknowledgments\n"), data_pkt("ready now\n")}), ErrorClass::protocol,
               "acknowledgment");
  expect_error(error_of({data_pkt("acknowledgments\n"), data_pkt("")}), ErrorClass::protocol, "acknowledgment");
  expect_error(error_of({data_pkt("shallow-info\n"), data_pkt("shallow abc\n")}), ErrorClass::protocol, "shallow");
  expect_error(error_of({data_pkt("shallow-info\n"), data_pkt("shallowest " + id_a)}), ErrorClass::protocol, "shallow");
  expect_error(error_of({data_pkt("shallow-info\n"), data_pkt("shallow " + std::string(40, '0'))}),
               ErrorClass::protocol, "shallow");
}

TEST(Fetch, RefusesOtherChannels) {
  const auto pack = data_pkt("packfile\n");
  expect_error(error_of({pack, data_pkt("\x04x")}), ErrorClass::protocol, "side-band channel");
  expect_error(error_of({pack, data_pkt("PACK")}), ErrorClass::protocol, "side-band channel");
  expect_error(error_of({pack, data_pkt("")}), ErrorClass::protocol, "does not belong there");
  expect_error(error_of({pack, testing::delim}), ErrorClass::protocol, "does not belong there");
}

TEST(Fetch, PassesTheServersLastWordsOnEscapedAndCut) {
  const auto pack = data_pkt("packfile\n");
  expect_error(error_of({pack, data_pkt("\x03"
                                        "fatal: \x1b[31mno\n")}),
               ErrorClass::protocol, "the server says: fatal: \\x1B[31mno");
  expect_error(error_of({pack, data_pkt("ERR out of disk")}), ErrorClass::protocol, "the server says: out of disk");
  const std::string long_words = "\x03" + std::string(60'000, 'x');
  const auto error = error_of({pack, data_pkt(long_words)});
  ASSERT_TRUE(error.has_value());
  EXPECT_LT(error->text().size(), max_sideband_line_bytes + 100);
}

TEST(Fetch, CutsProgress) {
  FetchParser parser;
  ASSERT_TRUE(parser.take(data_pkt("packfile\n")).has_value());
  const std::string line = "\x02" + std::string(60'000, 'x');
  const auto event = parser.take(data_pkt(line));
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, FetchParser::Event::Kind::progress);
  EXPECT_EQ(event->bytes.size(), max_sideband_line_bytes);
}

}  // namespace
}  // namespace adapter::wire
