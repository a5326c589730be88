// SPDX-License-Identifier: Apache-2.0
#include "board.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;
using Clock = Board::Clock;

sync::Event checked(const std::string& repository, std::uint64_t attempt) {
  sync::Event event;
  event.repository = repository;
  event.attempt = attempt;
  event.ends_attempt = true;
  return event;
}

sync::Event failed(const std::string& repository, std::uint64_t attempt) {
  sync::Event event = checked(repository, attempt);
  event.kind = sync::EventKind::failed;
  event.error_class = ErrorClass::network;
  return event;
}

TEST(Board, NumbersEventsAndGivesThoseAfterOne) {
  Board board;
  EXPECT_EQ(board.latest(), 0U);
  board.on_event(checked("a", 1));
  board.on_event(checked("b", 1));
  const auto events = board.events_after(1, 10, Clock::now());
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().number, 2U);
  EXPECT_EQ(events->front().event.repository, "b");
  EXPECT_EQ(board.events_after(0, 1, Clock::now())->size(), 1U);
  EXPECT_TRUE(board.events_after(2, 10, Clock::now() + 1ms)->empty());
}

TEST(Board, AnIdIsGoodAsLongAsWhatFollowsItIsKept) {
  Board board;
  const std::string start = board.latest_id();
  for (std::size_t i = 0; i < max_kept_events; ++i) {
    board.on_event(checked("a", i));
  }
  EXPECT_EQ(board.resume_after(start), 0U);
  EXPECT_EQ(board.resume_after(board.latest_id()), max_kept_events);
  board.on_event(checked("a", 0));
  EXPECT_FALSE(board.resume_after(start));
  EXPECT_FALSE(board.events_after(0, 1, Clock::now()));
  EXPECT_EQ(board.events_after(1, 1, Clock::now())->front().number, 2U);
  for (const std::string& bad :
       {std::string(), std::string("-"), std::string("1"), "x" + start, start + "x", board.id_of(max_kept_events + 2),
        board.id_of(0).substr(0, start.size() - 1), board.id_of(0) + "99999999999999999999999"}) {
    EXPECT_FALSE(board.resume_after(bad)) << bad;
  }
}

TEST(Board, KeepsFiftyOutcomesAsRuns) {
  Board board;
  for (std::uint64_t i = 0; i < 100; ++i) {
    board.on_event(checked("a", i));
  }
  board.on_event(failed("a", 100));
  const std::vector<OutcomeRun> runs = board.outcomes("a");
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].result, "unchanged");
  EXPECT_EQ(runs[0].count, 49U);
  EXPECT_EQ(runs[1].result, "network");
  EXPECT_EQ(runs[1].count, 1U);
  for (std::uint64_t i = 0; i < 49; ++i) {
    board.on_event(failed("a", 101 + i));
  }
  ASSERT_EQ(board.outcomes("a").size(), 1U);
  EXPECT_EQ(board.outcomes("a")[0].count, 50U);
  EXPECT_TRUE(board.outcomes("b").empty());
}

TEST(Board, OnlyWhatEndsAnAttemptIsAnOutcome) {
  Board board;
  sync::Event event = checked("a", 1);
  event.changed = true;
  event.ends_attempt = false;
  board.on_event(event);
  EXPECT_TRUE(board.outcomes("a").empty());
  EXPECT_FALSE(board.wait_for_end("a", 1, Clock::now()));
  event.kind = sync::EventKind::published;
  event.ends_attempt = true;
  board.on_event(event);
  EXPECT_EQ(board.outcomes("a")[0].result, "changed");
  EXPECT_TRUE(board.wait_for_end("a", 1, Clock::now()));
}

TEST(Board, AWaitEndsWithTheAttemptOrALaterOne) {
  Board board;
  board.on_event(checked("a", 4));
  EXPECT_TRUE(board.wait_for_end("a", 3, Clock::now()));
  EXPECT_FALSE(board.wait_for_end("a", 5, Clock::now() + 1ms));
  std::thread other([&] { board.on_event(failed("a", 6)); });
  const auto end = board.wait_for_end("a", 5, Clock::now() + 10s);
  other.join();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->attempt, 6U);
}

TEST(Board, AStopEndsAllWaits) {
  Board board;
  std::thread other([&] { board.stop(); });
  const Clock::time_point begin = Clock::now();
  EXPECT_FALSE(board.wait_for_end("a", 1, begin + 30s));
  EXPECT_TRUE(board.events_after(0, 1, begin + 30s)->empty());
  other.join();
  EXPECT_LT(Clock::now() - begin, 10s);
}

TEST(Board, WhereSecretsLieIsNotShown) {
  config::Config config;
  config.admin.token_file = "/run/secrets/adapter-token";
  Board board;
  board.retain({}, SecretPaths(config));
  sync::Event event = failed("a", 1);
  event.text = "credential for x: cannot read /run/secrets/adapter-token: No such file";
  board.on_event(event);
  EXPECT_EQ(board.events_after(0, 1, Clock::now())->front().event.text,
            "credential for x: cannot read …/adapter-token: No such file");
  EXPECT_EQ(board.wait_for_end("a", 1, Clock::now())->text,
            "credential for x: cannot read …/adapter-token: No such file");
}

TEST(Board, ForgetsWhatLeft) {
  Board board;
  board.on_event(checked("a", 1));
  board.on_event(checked("b", 1));
  board.retain({"b"}, SecretPaths());
  EXPECT_TRUE(board.outcomes("a").empty());
  EXPECT_FALSE(board.outcomes("b").empty());
}

}  // namespace
}  // namespace adapter::admin
