// SPDX-License-Identifier: Apache-2.0
#include "client/answer_lines.hpp"

#include <gtest/gtest.h>

#include "client/rough_time.hpp"

namespace adapter::app {
namespace {

TEST(SyncLine, SaysWhatBecameOfASync) {
  const AnswerLine unchanged = sync_line("docs", R"({"result":"unchanged","commit":"1f2e","error":null})");
  EXPECT_EQ(unchanged.text, "docs: unchanged");
  EXPECT_TRUE(unchanged.good);
  const AnswerLine changed = sync_line("docs", R"({"result":"changed","commit":"1f2e","error":null})");
  EXPECT_EQ(changed.text, "docs: 1f2e published");
  EXPECT_TRUE(changed.good);
  const AnswerLine empty = sync_line("docs", R"({"result":"unchanged","commit":null,"error":null})");
  EXPECT_EQ(empty.text, "docs: the remote has no commit yet");
  EXPECT_TRUE(empty.good);
}

TEST(SyncLine, NamesTheClassOfAFailure) {
  const AnswerLine line =
      sync_line("docs", R"({"result":"network","commit":"1f","error":{"class":"network","text":"no\u001b way"}})");
  EXPECT_EQ(line.text, "docs: failed (network): no\\x1B way");
  EXPECT_FALSE(line.good);
}

TEST(SyncLine, IsBadForAnAnswerOfAnotherKind) {
  for (const std::string_view body : {"", "[]", "{}", R"({"result":7})", R"({"result":"timeout","commit":null})"}) {
    const AnswerLine line = sync_line("docs", body);
    EXPECT_FALSE(line.good) << body;
    EXPECT_EQ(line.text, "docs: failed (protocol): the daemon's answer is not one to a sync");
  }
}

TEST(SyncProblemLine, HasTheNearestClass) {
  EXPECT_EQ(sync_problem_line("a\nb", 404, "there is none").text, "a\\x0Ab: failed (not_found): there is none");
  EXPECT_EQ(sync_problem_line("docs", 401, "token").text, "docs: failed (auth): token");
  EXPECT_EQ(sync_problem_line("docs", 409, "suspended").text, "docs: failed (config): suspended");
  EXPECT_EQ(sync_problem_line("docs", 504, "late").text, "docs: failed (timeout): late");
  EXPECT_FALSE(sync_problem_line("docs", 503, "busy").good);
}

TEST(ReadinessLine, SaysWhoIsNotReadyAndWhy) {
  const AnswerLine line = readiness_line(
      503,
      R"({"ready":false,"reason":"2 of 3 repositories are not fresh","repositories":3,"not_ready":[)"
      R"({"name":"docs","health":"stale","age_seconds":812.1,"class":"network","since":"2026-11-23T12:00:00.000Z"},)"
      R"({"name":"site","health":"pending","age_seconds":null,"class":null,"since":null}]})");
  EXPECT_EQ(
      line.text,
      "not ready: 2 of 3 repositories are not fresh: docs (stale, network, last success 13m ago), site (pending)");
  EXPECT_FALSE(line.good);
}

TEST(ReadinessLine, NamesFiveAtMost) {
  std::string list;
  for (int i = 0; i < 7; ++i) {
    list += (i == 0 ? "" : ",") + std::string(R"({"name":"r","health":"stale"})");
  }
  const AnswerLine line = readiness_line(503, R"({"ready":false,"reason":"x","not_ready":[)" + list + "]}");
  EXPECT_EQ(line.text, "not ready: x: r (stale), r (stale), r (stale), r (stale), r (stale), and 2 more");
}

TEST(ReadinessLine, NeedsNoNames) {
  EXPECT_EQ(readiness_line(503, R"({"ready":false,"reason":"there is no configuration","not_ready":0})").text,
            "not ready: there is no configuration");
  EXPECT_EQ(readiness_line(200, R"({"ready":true,"repositories":1})").text, "ready: 1 repository");
  EXPECT_TRUE(readiness_line(200, R"({"ready":true,"repositories":2})").good);
}

TEST(ReadinessLine, IsBadUnlessStatusAndBodyAgree) {
  EXPECT_FALSE(readiness_line(200, "{}").good);
  EXPECT_FALSE(readiness_line(200, "").good);
  EXPECT_FALSE(readiness_line(503, R"({"ready":true})").good);
  EXPECT_EQ(readiness_line(500, "").text, "not ready: status 500");
}

TEST(RoughTime, HasOneUnit) {
  EXPECT_EQ(rough_time(-5), "0s");
  EXPECT_EQ(rough_time(0.4), "0s");
  EXPECT_EQ(rough_time(119), "119s");
  EXPECT_EQ(rough_time(120), "2m");
  EXPECT_EQ(rough_time(7199), "119m");
  EXPECT_EQ(rough_time(7200), "2h");
  EXPECT_EQ(rough_time(86'400.0 * 2), "2d");
  EXPECT_EQ(rough_time(1e300), "?");
}

}  // namespace
}  // namespace adapter::app
