// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded.hpp"

namespace adapter::wire {
namespace {

using testing::data_pkt;
using testing::expect_error;

struct CapabilitiesAnswer {
  CapabilitiesParser parser;
  std::optional<Error> error;
};

CapabilitiesAnswer read_capabilities(std::string_view bytes, std::size_t piece = 1 << 20) {
  CapabilitiesAnswer answer;
  answer.error = testing::replay(bytes, piece, [&answer](const Pkt& pkt) { return answer.parser.take(pkt); });
  return answer;
}

std::string advertisement(const std::vector<std::string_view>& lines) {
  return testing::packets(lines) + "0000";
}

TEST(Capabilities, ReadsWhatGitSays) {
  for (const std::size_t piece : {1U, 7U, 100'000U}) {
    const auto answer = read_capabilities(testing::recorded("info_refs_main_v2.response"), piece);
    ASSERT_FALSE(answer.error.has_value()) << answer.error->text();
    ASSERT_TRUE(answer.parser.done());
    const auto& result = answer.parser.result();
    EXPECT_EQ(result.version, 2);
    EXPECT_EQ(result.agent, "git/2.39.5");
    EXPECT_TRUE(result.ls_refs_unborn);
    EXPECT_TRUE(result.fetch_shallow);
    EXPECT_TRUE(result.fetch_wait_for_done);
    EXPECT_FALSE(result.fetch_filter);
    EXPECT_FALSE(result.fetch_sideband_all);
    EXPECT_EQ(result.object_format, "sha1");
    EXPECT_THAT(result.lines,
                ::testing::ElementsAre("agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done",
                                       "server-option", "object-format=sha1", "object-info"));
  }
}

TEST(Capabilities, ReadsTheAnswerOfAForgeWithItsPreamble) {
  const auto answer = read_capabilities("001e# service=git-upload-pack\n0000" +
                                        advertisement({"version 2\n", "agent=git/github-1\n", "ls-refs\n",
                                                       "fetch=shallow filter sideband-all\n", "server-option\n"}));
  ASSERT_FALSE(answer.error.has_value()) << answer.error->text();
  EXPECT_TRUE(answer.parser.done());
  EXPECT_FALSE(answer.parser.result().ls_refs_unborn);
  EXPECT_TRUE(answer.parser.result().fetch_filter);
  EXPECT_TRUE(answer.parser.result().fetch_sideband_all);
  EXPECT_EQ(answer.parser.result().object_format, "sha1");
}

TEST(Capabilities, RecognisesOlderVersions) {
  for (const int version : {0, 1}) {
    const auto answer =
        read_capabilities(testing::recorded("info_refs_main_v" + std::to_string(version) + ".response"));
    ASSERT_FALSE(answer.error.has_value()) << answer.error->text();
    EXPECT_TRUE(answer.parser.done());
    EXPECT_EQ(answer.parser.result().version, version);
    EXPECT_EQ(answer.parser.result().agent, "git/2.39.5");
    EXPECT_THAT(answer.parser.result().lines, ::testing::Contains("symref=HEAD:refs/heads/main"));
    const auto empty =
        read_capabilities(testing::recorded("info_refs_empty_v" + std::to_string(version) + ".response"));
    ASSERT_FALSE(empty.error.has_value()) << empty.error->text();
    EXPECT_TRUE(empty.parser.done());
    EXPECT_EQ(empty.parser.result().version, version);
  }
}

TEST(Capabilities, SaysThatSha256IsNotSupported) {
  for (const int version : {0, 1, 2}) {
    const auto answer =
        read_capabilities(testing::recorded("info_refs_sha256_v" + std::to_string(version) + ".response"));
    expect_error(answer.error, ErrorClass::protocol, "names its objects with sha256; only sha1 is supported");
  }
}

TEST(Capabilities, RefusesAServerThatCannotBeFollowed) {
  expect_error(read_capabilities(advertisement({"version 2\n", "fetch\n"})).error, ErrorClass::protocol,
               "names no ls-refs");
  expect_error(read_capabilities(advertisement({"version 2\n", "ls-refs\n"})).error, ErrorClass::protocol,
               "names no fetch");
  expect_error(read_capabilities(advertisement({})).error, ErrorClass::protocol, "is empty");
  expect_error(read_capabilities(advertisement({"version 3\n"})).error, ErrorClass::protocol, "\"version 3\"");
}

TEST(Capabilities, RefusesWhatIsNoAdvertisement) {
  expect_error(read_capabilities(advertisement({"<html>\x1b[31m"})).error, ErrorClass::protocol, "\"<html>\\x1B[31m\"");
  expect_error(read_capabilities(advertisement({"version 1\n", "version 1\n"})).error, ErrorClass::protocol,
               "does not begin");
  expect_error(read_capabilities(advertisement({"# service=git-upload-pack\n", "version 2\n"})).error,
               ErrorClass::protocol, "no flush packet after its preamble");
  expect_error(read_capabilities(advertisement({"# service=git-receive-pack\n"})).error, ErrorClass::protocol,
               "does not begin");
  expect_error(read_capabilities("0001").error, ErrorClass::protocol, "does not belong there");
  expect_error(read_capabilities("0002").error, ErrorClass::protocol, "does not belong there");
  expect_error(read_capabilities(advertisement({"version 2\n", "ls-refs\n", "fetch\n"}) + "0005x").error,
               ErrorClass::protocol, "goes on after its end");
}

TEST(Capabilities, PassesTheServersWordsOn) {
  expect_error(read_capabilities(advertisement({"ERR access denied\n"})).error, ErrorClass::protocol,
               "the server says: access denied");
  expect_error(read_capabilities(advertisement({"version 2\n", "ERR later"})).error, ErrorClass::protocol,
               "the server says: later");
}

TEST(Capabilities, KeepsLittleOfAHugeAdvertisement) {
  CapabilitiesParser parser;
  EXPECT_FALSE(parser.take(data_pkt("version 2\n")).has_value());
  const std::string line = "x=" + std::string(60'000, 'y');
  for (int count = 0; count < 1000; ++count) {
    EXPECT_FALSE(parser.take(data_pkt(line)).has_value());
  }
  EXPECT_FALSE(parser.take(data_pkt("agent=" + line)).has_value());
  EXPECT_EQ(parser.result().lines.size(), 64U);
  EXPECT_EQ(parser.result().lines.back().size(), 1024U);
  EXPECT_EQ(parser.result().agent.size(), 1024U);
}

}  // namespace
}  // namespace adapter::wire
