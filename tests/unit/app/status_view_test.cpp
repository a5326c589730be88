// SPDX-License-Identifier: Apache-2.0
#include "client/status_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/base/text.hpp"

namespace adapter::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view commit = "1f2e3d4c5b6a79880123456789abcdef01234567";

/// A list at noon with these repositories, each a JSON object.
std::string body_of(const std::string& repositories) {
  return R"({"generated_at":"2026-11-23T12:00:00.123Z","version":"0.1.0","configured":true,"ready":true,"repositories":[)" +
         repositories + "]}";
}

std::string healthy(const std::string& name) {
  return R"({"name":")" + name + R"(","ref":"main","phase":"waiting","health":"ok","commit":")" + std::string(commit) +
         R"(","last_success":"2026-11-23T11:59:35.000Z","next_due":"2026-11-23T12:00:05.000Z","failure":null,)" +
         R"("progress":null,"waiting_for":"due in 5 s"})";
}

StatusRow row_of(const std::string& repository) {
  const Result<StatusList> list = read_status(body_of(repository));
  EXPECT_TRUE(list.has_value());
  return list.value().rows.at(0);
}

std::string render(const std::string& repositories, const View& view = {}) {
  return render_status(read_status(body_of(repositories)).value(), view);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    lines.emplace_back(line);
  }
  lines.pop_back();
  return lines;
}

TEST(ReadStatus, ReadsAHealthyRepository) {
  const StatusRow row = row_of(healthy("docs"));
  EXPECT_EQ(row.name, "docs");
  EXPECT_EQ(row.health, "ok");
  EXPECT_EQ(row.ref, "main");
  EXPECT_EQ(row.commit, "1f2e3d4c5b6a");
  EXPECT_EQ(row.age, "25s");
  EXPECT_EQ(row.next, "5s");
  EXPECT_EQ(row.reason, "");
}

TEST(RenderStatus, SaysThatTheLastReloadFailed) {
  const std::string start =
      R"({"generated_at":"2026-11-23T12:00:00.123Z","configured":true,"ready":true,"last_reload":)";
  const std::string end = R"(,"repositories":[]})";
  const auto lines = [&](const std::string& reload) {
    return lines_of(render_status(read_status(start + reload + end).value(), View{}));
  };
  EXPECT_EQ(lines("null").size(), 1U);
  EXPECT_EQ(lines(R"({"successful":true,"errors":0,"problem":null})").size(), 1U);
  EXPECT_EQ(lines(R"({"successful":false,"errors":1,"problem":"c.yaml:3:5: error: a\u001b[2J"})").at(0),
            R"(the last reload failed, the configuration before it is in use: c.yaml:3:5: error: a\x1B[2J)");
  EXPECT_EQ(lines(R"({"successful":false,"errors":3,"problem":"c.yaml:3:5: error: a"})").at(0),
            "the last reload failed, the configuration before it is in use: c.yaml:3:5: error: a (2 more)");
}

TEST(ReadStatus, SaysWhatFailedHowOftenAndForHowLong) {
  const StatusRow row =
      row_of(R"({"name":"docs","phase":"backing_off","health":"stale","next_due":"2026-11-23T11:59:59.000Z",)"
             R"("failure":{"class":"network","text":"connect failed","since":"2026-11-23T11:46:00.000Z","count":7}})");
  EXPECT_EQ(row.reason, "network, 7 times in 14m: connect failed");
  EXPECT_EQ(row.next, "now");
  EXPECT_EQ(row.age, "-");
  EXPECT_EQ(row.commit, "-");
  const StatusRow with_url =
      row_of(R"({"url":"https://a/b.git","failure":{"class":"tls","text":"https://a/b.git: ls-refs: expired"}})");
  EXPECT_EQ(with_url.reason, "tls: ls-refs: expired");
  const StatusRow once = row_of(R"({"failure":{"class":"tls","text":"expired","since":"x","count":1}})");
  EXPECT_EQ(once.reason, "tls: expired");
}

TEST(ReadStatus, SaysHowFarATransferIs) {
  const StatusRow row =
      row_of(R"({"phase":"fetching","health":"ok","progress":{"received_bytes":3250586,"received_objects":412,)"
             R"("total_objects":2000}})");
  EXPECT_EQ(row.next, "fetching");
  EXPECT_EQ(row.reason, "412/2000 objects, 3.1 MiB");
}

TEST(ReadStatus, SaysWhyARepositoryIsNotOkThatDidNotFail) {
  EXPECT_EQ(row_of(R"({"health":"pending","phase":"waiting","waiting_for":"due in 5 s"})").reason, "due in 5 s");
  EXPECT_EQ(row_of(R"({"health":"empty","phase":"waiting"})").reason, "the remote has no commit yet");
  EXPECT_EQ(row_of(R"({"health":"stale","phase":"checking","max_staleness_seconds":300.0})").reason,
            "no check succeeded within the last 5m");
  const StatusRow suspended = row_of(R"({"health":"suspended","phase":"suspended","waiting_for":"suspended by it"})");
  EXPECT_EQ(suspended.reason, "suspended by it");
  EXPECT_EQ(suspended.next, "-");
}

TEST(ReadStatus, EscapesWhatComesFromOutside) {
  const StatusRow row = row_of(
      R"({"name":"a\u001b[2Jb","health":"\u202eok","ref":"x\ny","commit":"\u0007","phase":"\u001b]0;","failure":)"
      R"({"class":"\u0000","text":"\u009b1m"}})");
  EXPECT_EQ(row.name, "a\\x1B[2Jb");
  EXPECT_EQ(row.health, "\\u{202E}ok");
  EXPECT_EQ(row.ref, "x\\x0Ay");
  EXPECT_EQ(row.commit, "\\x07");
  EXPECT_EQ(row.next, "\\x1B]0;");
  EXPECT_EQ(row.reason, "\\x00: \\u{009B}1m");
}

TEST(ReadStatus, TakesWhatHasAnotherTypeForMissing) {
  const StatusRow row = row_of(
      R"({"name":7,"health":[],"ref":null,"commit":{},"last_success":"yesterday","next_due":5,"phase":"waiting",)"
      R"("failure":"none","progress":3,"waiting_for":false,"max_staleness_seconds":"x"})");
  EXPECT_THAT((std::vector{row.name, row.health, row.ref, row.commit, row.age, row.next, row.reason}),
              ElementsAre("", "", "", "-", "-", "-", ""));
  EXPECT_EQ(read_status(body_of("1,null,[]")).value().rows.size(), 3U);
}

TEST(ReadStatus, RefusesWhatIsNoList) {
  for (const std::string_view body : {"", "no json", "[]", "{}", R"({"repositories":[]})",
                                      R"({"generated_at":"2026-13-23T12:00:00.000Z","repositories":[]})",
                                      R"({"generated_at":"2026-11-23T12:00:00.000Z","repositories":{}})"}) {
    const Result<StatusList> list = read_status(body);
    ASSERT_FALSE(list.has_value()) << body;
    EXPECT_EQ(list.error().error_class(), ErrorClass::protocol);
  }
}

TEST(RenderStatus, IsATableWithALineThatCounts) {
  const std::string failing =
      R"({"name":"a-longer-name","ref":"refs/tags/v1","phase":"waiting","health":"failing","commit":null,)"
      R"("failure":{"class":"network","text":"no","since":"2026-11-23T11:59:00.000Z","count":2}})";
  EXPECT_THAT(lines_of(render(healthy("docs") + "," + failing)),
              ElementsAre("NAME           HEALTH   REF           COMMIT        AGE  NEXT  REASON",
                          "docs           ok       main          1f2e3d4c5b6a  25s  5s",
                          "a-longer-name  failing  refs/tags/v1  -             -    -     network, 2 times in 60s: no",
                          "2 repositories: 1 ok, 1 failing; ready"));
}

TEST(RenderStatus, FitsTheWidthOfTheTerminal) {
  const std::string repository =
      R"({"name":"a-name-of-some-length","ref":"refs/heads/feature/with/a/long/name","phase":"waiting",)"
      R"("health":"failing","commit":"1f2e3d4c5b6a7988","failure":{"class":"network","text":")" +
      std::string(200, 'x') + R"(","count":1}})";
  for (const std::size_t width : {200U, 120U, 80U, 60U, 40U, 21U, 5U, 1U}) {
    View view;
    view.width = width;
    for (const std::string& line : lines_of(render(repository, view))) {
      EXPECT_LE(display_width(line), width) << line;
    }
  }
  View view;
  view.width = 80;
  const std::string shown = lines_of(render(repository, view)).at(1);
  EXPECT_EQ(display_width(shown), 80U) << shown;
  EXPECT_THAT(shown, HasSubstr("network: x"));
  EXPECT_THAT(shown, HasSubstr("refs/"));
}

TEST(RenderStatus, ShowsThoseThatAreNotOkFirstWhereThereIsNoRoomForAll) {
  std::string repositories;
  for (int i = 0; i < 20; ++i) {
    repositories += healthy("ok-" + std::to_string(i)) + ",";
  }
  repositories += R"({"name":"bad","health":"stale","phase":"waiting"})";
  View view;
  view.rows = 3;
  const std::vector<std::string> lines = lines_of(render(repositories, view));
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_THAT(lines[1], HasSubstr("bad"));
  EXPECT_THAT(lines[2], HasSubstr("ok-0"));
  EXPECT_EQ(lines[4], "(18 more) 21 repositories: 20 ok, 1 stale; ready");
}

TEST(RenderStatus, ColoursTheHealthOnlyWhereAsked) {
  EXPECT_THAT(render(healthy("docs")), Not(HasSubstr("\x1b")));
  View view;
  view.colours = true;
  EXPECT_THAT(render(healthy("docs"), view), HasSubstr("\x1b[32mok\x1b[0m"));
  EXPECT_THAT(render(R"({"health":"stale"})", view), HasSubstr("\x1b[31mstale\x1b[0m"));
}

TEST(RenderStatus, SaysWhenThereIsNothingToShow) {
  EXPECT_EQ(render(""), "the configuration names no repository\n");
  StatusList none;
  EXPECT_THAT(render_status(none, {}), HasSubstr("no configuration yet"));
}

TEST(CutToWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abcd", 3), "ab…");
  EXPECT_EQ(cut_to_width("äöüß", 4), "äöüß");
  EXPECT_EQ(cut_to_width("äöüß", 3), "äö…");
  EXPECT_EQ(cut_to_width("日本語", 6), "日本語");
  EXPECT_EQ(cut_to_width("日本語", 5), "日本…");
  EXPECT_EQ(cut_to_width("日本語", 4), "日…");
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(cut_to_width("abc", 0), "");
}

}  // namespace
}  // namespace adapter::app
