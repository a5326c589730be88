// SPDX-License-Identifier: Apache-2.0
#include "readiness.hpp"

#include <gtest/gtest.h>

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'700'000'000)};

/// Published, checked a minute ago, fresh for five.
sync::RepositoryStatus healthy() {
  sync::RepositoryStatus status;
  status.name = "docs";
  status.commit = *ObjectId::from_hex(std::string(40, '1'));
  status.last_success = now - 1min;
  status.max_staleness = 5min;
  return status;
}

sync::Failure failure(ErrorClass error_class) {
  sync::Failure made;
  made.error_class = error_class;
  made.since = now - 10min;
  made.count = 3;
  return made;
}

TEST(Judge, AFreshOneIsReady) {
  const Judgement judgement = judge(healthy(), now);
  EXPECT_EQ(judgement.health, Health::ok);
  EXPECT_TRUE(judgement.ready);
  EXPECT_EQ(judgement.age, 1min);
}

TEST(Judge, OneWhoseLinkLeadsNowhereIsNotReady) {
  sync::RepositoryStatus status = healthy();
  status.link_resolves = false;
  EXPECT_FALSE(judge(status, now).ready);
  status.pinned = true;
  EXPECT_FALSE(judge(status, now).ready);
}

TEST(Judge, OneThatFailsStaysReadyWhileItIsFresh) {
  sync::RepositoryStatus status = healthy();
  status.failure = failure(ErrorClass::network);
  EXPECT_EQ(judge(status, now).health, Health::failing);
  EXPECT_TRUE(judge(status, now).ready);
  EXPECT_TRUE(judge(status, now + 4min).ready);
  EXPECT_FALSE(judge(status, now + 4min + 1ms).ready);
  EXPECT_EQ(judge(status, now + 4min + 1ms).health, Health::stale);
}

TEST(Judge, OneThatIsNotCheckedAnyMoreBecomesStale) {
  EXPECT_EQ(judge(healthy(), now + 5min).health, Health::stale);
}

TEST(Judge, WhatTheLastRunPublishedCountsAfterTheFirstCheck) {
  sync::RepositoryStatus status = healthy();
  status.last_success.reset();
  EXPECT_EQ(judge(status, now).health, Health::pending);
  EXPECT_FALSE(judge(status, now).ready);
}

TEST(Judge, WithoutATreeNothingIsReady) {
  sync::RepositoryStatus status = healthy();
  status.commit.reset();
  EXPECT_FALSE(judge(status, now).ready);
  status.empty_remote = true;
  EXPECT_EQ(judge(status, now).health, Health::empty);
  EXPECT_FALSE(judge(status, now).ready);
  status.failure = failure(ErrorClass::auth);
  EXPECT_EQ(judge(status, now).health, Health::stale);
}

TEST(Judge, APinnedCommitIsFreshOnceItIsPublished) {
  sync::RepositoryStatus status = healthy();
  status.pinned = true;
  status.max_staleness.reset();
  EXPECT_TRUE(judge(status, now + 24h * 365).ready);
  status.last_success.reset();
  EXPECT_TRUE(judge(status, now).ready);
  status.commit.reset();
  EXPECT_FALSE(judge(status, now).ready);
}

TEST(Judge, ASuspendedOneDoesNotCount) {
  sync::RepositoryStatus status = healthy();
  status.phase = sync::Phase::suspended;
  status.commit.reset();
  status.last_success.reset();
  EXPECT_TRUE(judge(status, now).ready);
  EXPECT_EQ(judge(status, now).health, Health::suspended);
}

TEST(Judge, AClockThatWasSetBackMakesNothingStale) {
  EXPECT_TRUE(judge(healthy(), now - 24h).ready);
  EXPECT_EQ(judge(healthy(), now - 24h).age, 0ms);
}

TEST(NotReadyList, NamesClassAndSince) {
  sync::RepositoryStatus bad = healthy();
  bad.name = "bad";
  bad.last_success = now - 1h;
  bad.failure = failure(ErrorClass::tls);
  const std::vector<NotReady> found = not_ready({healthy(), bad}, now);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "bad");
  EXPECT_EQ(found[0].error_class, ErrorClass::tls);
  EXPECT_EQ(found[0].since, now - 10min);
  EXPECT_EQ(found[0].judgement.age, 1h);
}

TEST(WaitingFor, SaysItInWords) {
  sync::RepositoryStatus status = healthy();
  status.phase = sync::Phase::waiting;
  status.next_due = now + 25s;
  EXPECT_EQ(waiting_for(status, now), "due in 25 s");
  status.next_due.reset();
  EXPECT_EQ(waiting_for(status, now), "nothing: it is not polled");
  status.phase = sync::Phase::backing_off;
  status.next_due = now + 5min;
  status.failure = failure(ErrorClass::network);
  EXPECT_EQ(waiting_for(status, now), "retry in 5 min after a failure of class network");
}

}  // namespace
}  // namespace adapter::admin
