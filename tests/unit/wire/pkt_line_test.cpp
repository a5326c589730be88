// SPDX-License-Identifier: Apache-2.0
#include "adapter/wire/pkt_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.hpp"

namespace adapter::wire {
namespace {

using testing::expect_error;

struct Collected {
  std::vector<std::string> packets;
  std::optional<Error> error;
  bool at_boundary = false;

  friend bool operator==(const Collected& left, const Collected& right) {
    const auto text = [](const Collected& c) { return c.error ? c.error->text() : std::string(); };
    return left.packets == right.packets && text(left) == text(right) && left.at_boundary == right.at_boundary;
  }
};

Collected collect(const std::vector<std::string>& parts) {
  Collected result;
  PktReader reader;
  for (const auto& part : parts) {
    reader.feed(part);
    while (true) {
      const auto pkt = reader.next();
      if (!pkt) {
        result.error = pkt.error();
        return result;
      }
      if (!pkt->has_value()) {
        break;
      }
      constexpr std::array<std::string_view, 4> kinds{"data:", "flush", "delim", "end"};
      result.packets.push_back(std::string(kinds[static_cast<std::size_t>((*pkt)->kind)]) +
                               std::string((*pkt)->payload));
    }
  }
  result.at_boundary = reader.at_boundary();
  return result;
}

TEST(PktLine, WritesFourDigitsThatCountThemselves) {
  std::string out;
  append_pkt(out, "a\n");
  append_pkt(out, "");
  append_delim(out);
  append_pkt(out, std::string(max_pkt_bytes - 4, 'x'));
  append_flush(out);
  EXPECT_TRUE(out.starts_with("0006a\n00040001fff0xxx"));
  EXPECT_TRUE(out.ends_with("x0000"));
  EXPECT_EQ(out.size(), 6 + 4 + 4 + 65520 + 4U);
}

TEST(PktReader, ReadsWhatWasWritten) {
  const auto result = collect({"0006a\n00040005b00010002000cabc\ndef\n0000"});
  EXPECT_FALSE(result.error.has_value());
  EXPECT_THAT(result.packets,
              ::testing::ElementsAre("data:a\n", "data:", "data:b", "delim", "end", "data:abc\ndef\n", "flush"));
  EXPECT_TRUE(result.at_boundary);
}

TEST(PktReader, TakesOffOneLineFeedOnly) {
  EXPECT_EQ(testing::data_pkt("abc\n").line(), "abc");
  EXPECT_EQ(testing::data_pkt("abc\n\n").line(), "abc\n");
  EXPECT_EQ(testing::data_pkt("abc").line(), "abc");
  EXPECT_EQ(testing::data_pkt("").line(), "");
}

TEST(PktReader, DoesNotDependOnHowTheBytesAreDivided) {
  const std::string id(40, 'a');
  const std::vector<std::string> streams{
      "0006a\n00040005b00010002000cabc\ndef\n0000",
      testing::recorded("info_refs_main_v0.response"),
      testing::recorded("ls_refs_main.response"),
      testing::recorded("fetch_deepen.response"),
      "0000000z",
      "0003",
      "<!DOCTYPE html><html>",
      "<ht",
      id + "\trefs/heads/main\n" + std::string(70'000, 'x'),
      "0030" + std::string(36, 'b') + "\tabcdefg",
      "0028" + std::string(36, 'b') + "0028" + std::string(36, 'b') + "\t",
      "fff1",
      "0009abc",
  };
  for (const auto& stream : streams) {
    const auto whole = collect({stream});
    for (std::size_t cut = 0; cut <= std::min<std::size_t>(stream.size(), 2000); ++cut) {
      ASSERT_EQ(collect({stream.substr(0, cut), stream.substr(cut)}), whole) << stream.substr(0, 60) << " at " << cut;
    }
    std::vector<std::string> bytes;
    for (const char c : stream) {
      bytes.emplace_back(1, c);
    }
    EXPECT_EQ(collect(bytes), whole) << stream.substr(0, 60);
  }
}

TEST(PktReader, KnowsWhetherTheStreamMayEnd) {
  EXPECT_TRUE(collect({}).at_boundary);
  EXPECT_TRUE(collect({"0000"}).at_boundary);
  EXPECT_FALSE(collect({"000"}).at_boundary);
  EXPECT_FALSE(collect({"0009abc"}).at_boundary);
  EXPECT_TRUE(collect({"0009abc", "de"}).at_boundary);

  PktReader reader;  // the flush that ends an answer came in two pieces, and nobody calls next() again after it
  reader.feed("00");
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed("00");
  EXPECT_TRUE(reader.next()->has_value());
  EXPECT_TRUE(reader.at_boundary());
}

TEST(PktReader, RefusesLengthsThatCannotBe) {
  expect_error(collect({"0000", "0003"}).error, ErrorClass::protocol, "malformed packet length: 0003");
  expect_error(collect({"0000fff1"}).error, ErrorClass::protocol, "malformed packet length: fff1");
  expect_error(collect({"0000ffff"}).error, ErrorClass::protocol, "malformed packet length");
  expect_error(collect({"0000-001"}).error, ErrorClass::protocol, "malformed packet length");
  expect_error(collect({std::string("0000\x1b[0m", 8)}).error, ErrorClass::protocol, "\\x1B[0m");
  EXPECT_FALSE(collect({"FFF0"}).error.has_value());
}

TEST(PktReader, SaysThatSomethingElseAnswered) {
  expect_error(collect({"<!DOCTYPE html>"}).error, ErrorClass::protocol, "a web page");
  expect_error(collect({"Not found"}).error, ErrorClass::protocol, "this is no git server");
  expect_error(collect({"94c7682e38282ddff0457978acc52d291ff668a7\trefs/heads/main\n"}).error, ErrorClass::protocol,
               "plain file server");
  const auto later = collect({"0000<html>"});
  expect_error(later.error, ErrorClass::protocol, "malformed packet length: <htm");
  EXPECT_EQ(later.error->text().find("no git server"), std::string::npos);
}

}  // namespace
}  // namespace adapter::wire
