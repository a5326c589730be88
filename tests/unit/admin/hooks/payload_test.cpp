// SPDX-License-Identifier: Apache-2.0
#include "hooks/payload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/base/json_depth.hpp"

namespace adapter::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";

void expect_nothing(std::string_view body) {
  const auto payload = read_payload(body);
  EXPECT_THAT(payload.clone_urls, IsEmpty()) << body.substr(0, 100);
  EXPECT_THAT(payload.changes, IsEmpty()) << body.substr(0, 100);
  EXPECT_EQ(payload.event + payload.id, "") << body.substr(0, 100);
}

std::string push(const std::string& rest) {
  return R"({"repository":{"clone_url":"https://a/b"},)" + rest + "}";
}

TEST(Payload, IsEmptyForWhatIsNoObject) {
  for (const std::string_view body :
       {"", " ", "null", "true", "1e999", "\"x\"", "[]", "[{\"ref\":\"refs/heads/a\"}]", "{", "{\"ref\":", "{}x",
        "\xff", "{\"ref\":\"\xff\"}", "payload=", "payload=%", "payload=%7B", "payload={\"ref\"", "x=1&payload={}",
        "{\"ref\":\"refs/heads/a\"} {}"}) {
    expect_nothing(body);
  }
}

TEST(Payload, TakesNoMemberOfAnotherType) {
  for (const std::string_view body :
       {R"({"repository":"https://a/b","project":[],"resource":1})",
        R"({"repository":{"clone_url":1,"html_url":null,"links":[],"url":{"href":"x"}}})",
        R"({"repository":{"links":{"clone":{"href":"x"},"self":["x",{"href":1}],"html":"x"}}})",
        R"({"ref":1,"after":[]})", R"({"ref":{"id":"refs/heads/a"}})", R"({"push":{"changes":{}}})",
        R"({"push":{"changes":[1,null,"x",{"new":1},{"new":null},{"old":null,"new":[]}]}})",
        R"({"changes":[1,{"ref":1},{"ref":{"id":1}}],"resource":{"refUpdates":[{"name":1}]}})",
        R"({"eventType":1,"id":1,"notificationId":"x"})"}) {
    expect_nothing(body);
  }
}

TEST(Payload, TakesWhatIsSoundBesideWhatIsNot) {
  const auto payload = read_payload(push(R"("ref":"refs/heads/a","after":"not a commit","deleted":"yes")"));
  EXPECT_THAT(payload.clone_urls, ElementsAre("https://a/b"));
  EXPECT_THAT(payload.changes, ElementsAre(RefChange{"refs/heads/a", std::nullopt, false}));
}

TEST(Payload, KnowsAShortNameOnlyByItsType) {
  EXPECT_THAT(read_payload(R"({"ref":"main"})").changes, IsEmpty());
  EXPECT_THAT(read_payload(R"({"ref":"v1","ref_type":"tag"})").changes,
              ElementsAre(RefChange{"refs/tags/v1", std::nullopt, false}));
  EXPECT_THAT(read_payload(R"({"ref":"a/b","ref_type":"branch"})").changes,
              ElementsAre(RefChange{"refs/heads/a/b", std::nullopt, false}));
}

TEST(Payload, TakesTheLastOfRepeatedMembers) {
  const std::string after = R"("ref":"refs/heads/a","ref":"refs/heads/b","after":"x","after":")" + std::string(commit);
  EXPECT_THAT(read_payload("{" + after + "\"}").changes,
              ElementsAre(RefChange{"refs/heads/b", ObjectId::from_hex(commit), false}));
}

TEST(Payload, LeavesOutTextsThatAreTooLongOrHoldControlCharacters) {
  const std::string longest(max_clone_url_bytes, 'x');
  EXPECT_THAT(read_payload(R"({"repository":{"clone_url":")" + longest + "\"}}").clone_urls, ElementsAre(longest));
  expect_nothing(R"({"repository":{"clone_url":")" + longest + "x\"}}");
  expect_nothing(R"({"repository":{"clone_url":"https://a/\n"},"ref":"refs/heads/\u0000","eventType":"\u007f"})");
  expect_nothing(R"({"ref":"refs/heads/)" + std::string(1024, 'x') + "\"}");
}

TEST(Payload, HasLimits) {
  std::string links;
  std::string changes;
  for (int i = 0; i < 1000; ++i) {
    links += (i == 0 ? "" : ",") + (R"({"href":"https://a/)" + std::to_string(i % 500) + "\"}");
    changes += (i == 0 ? "" : ",") + (R"({"ref":{"id":"refs/heads/)" + std::to_string(i) + "\"}}");
  }
  const auto payload =
      read_payload(R"({"repository":{"links":{"clone":[)" + links + R"(]}},"changes":[)" + changes + "]}");
  EXPECT_EQ(payload.clone_urls.size(), max_clone_urls);
  EXPECT_EQ(payload.changes.size(), max_ref_changes);
  const std::string sound = R"({"ref":"refs/heads/a","x":")";
  const std::string body = sound + std::string(max_payload_bytes - sound.size() - 2, 'x') + "\"}";
  EXPECT_EQ(read_payload(body).changes.size(), 1U);
  expect_nothing(body + " ");
}

TEST(Payload, IsNotReadWhereItIsNestedTooDeeply) {
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close) {
    std::string text = R"({"ref":"refs/heads/a","x":)";
    for (std::size_t i = 1; i < depth; ++i) {
      text += open;
    }
    text += "1";
    for (std::size_t i = 1; i < depth; ++i) {
      text += close;
    }
    return text + "}";
  };
  EXPECT_EQ(read_payload(nested(max_json_depth, "[", "]")).changes.size(), 1U);
  EXPECT_EQ(read_payload(nested(max_json_depth, R"({"x":)", "}")).changes.size(), 1U);
  expect_nothing(nested(max_json_depth + 1, "[", "]"));
  expect_nothing(nested(max_json_depth + 1, R"({"x":)", "}"));
  expect_nothing(std::string(max_payload_bytes, '['));
  EXPECT_EQ(read_payload(R"({"ref":"refs/heads/a","x":")" + std::string(1000, '[') + R"(\"[\\"})").changes.size(), 1U);
}

TEST(Payload, OfDataCenterNamesItsPages) {
  const auto urls = [](const std::string& page) {
    return read_payload(R"({"repository":{"links":{"self":[{"href":")" + page + "\"}]}}}").clone_urls;
  };
  EXPECT_THAT(urls("https://a/projects/PROJ/repos/docs/browse"), ElementsAre("https://a/scm/proj/docs.git"));
  EXPECT_THAT(urls("https://a/git/users/Mona/repos/docs"), ElementsAre("https://a/git/scm/~mona/docs.git"));
  for (const std::string page :
       {"https://a/projects/PROJ", "https://a/projects//repos/docs", "https://a/projects/P/repos/",
        "https://a/projects/P/x/repos/docs", "/repos/x/projects/P"}) {
    EXPECT_THAT(urls(page), IsEmpty()) << page;
  }
}

}  // namespace
}  // namespace adapter::admin
