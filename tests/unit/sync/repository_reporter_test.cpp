// SPDX-License-Identifier: Apache-2.0
#include "repository_reporter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "adapter/log/log.hpp"
#include "values.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class Recorder : public Observer {
public:
  void on_event(const Event& event) noexcept override { events.push_back(event); }
  [[nodiscard]] std::vector<EventKind> kinds() const {
    std::vector<EventKind> found;
    for (const Event& event : events) {
      found.push_back(event.kind);
    }
    return found;
  }
  std::vector<Event> events;
};

class RepositoryReporterTest : public ::testing::Test {
protected:
  static config::Repository repository() {
    config::Repository made;
    made.name = "docs";
    made.url = *http::Url::parse("https://git.test/docs.git");
    made.ref = "main";
    made.link = "site";
    return made;
  }
  static RefSelection::Choice choice(char digit) {
    RefSelection::Choice made;
    made.kind = RefSelection::Choice::Kind::found;
    made.ref = "refs/heads/main";
    made.tip = id(digit);
    return made;
  }
  static publish::PublishResult outcome(char digit) {
    publish::PublishResult made;
    made.commit = id(digit);
    made.changed = true;
    made.files = 3;
    return made;
  }
  void advance(std::chrono::milliseconds by) { clock_.advance(by); }
  [[nodiscard]] Now now() const { return clock_.now; }
  [[nodiscard]] const Event& last() const { return recorder_.events.back(); }
  /// A sync that takes 2 s, of which 1 s is the check.
  void sync(char digit) {
    reporter_.attempt_began(now());
    advance(1s);
    reporter_.remote_answered(choice(digit), false, now());
    reporter_.checked(choice(digit), std::nullopt, true, false, now());
    reporter_.sync_began(now());
    advance(1s);
    reporter_.pack_received(10);
    reporter_.tree_written(outcome(digit), now());
    reporter_.sync_ended(now());
    reporter_.succeeded(now());
    reporter_.published(choice(digit), outcome(digit), 10, now());
  }
  void fail(const Error& error, std::optional<std::chrono::milliseconds> throttled = std::nullopt) {
    Failure failure;
    failure.error_class = error.error_class();
    failure.text = error.text();
    failure.count = 1;
    failure.unchanged = 1;
    reporter_.failed({.error = error, .failure = failure, .throttled = throttled}, now());
  }

  Clock clock_;
  Recorder recorder_;
  config::Repository repository_ = repository();
  RepositoryReporter reporter_{repository_, "/data", &recorder_};
};

TEST_F(RepositoryReporterTest, TellsASyncFromItsCheckToItsTree) {
  sync('a');
  EXPECT_THAT(recorder_.kinds(), ElementsAre(EventKind::checked, EventKind::changed, EventKind::published));
  EXPECT_FALSE(recorder_.events.front().ends_attempt);
  EXPECT_EQ(recorder_.events.front().duration, 1s);
  EXPECT_EQ(last().duration, 1s);
  EXPECT_EQ(last().received_bytes, 10U);
  EXPECT_EQ(last().attempt, 1U);
  EXPECT_EQ(last().time, now().wall);
  const RepositoryStatus status = reporter_.status_at(now());
  EXPECT_EQ(status.commit, id('a'));
  EXPECT_EQ(status.tree_path, "/data/site");
  EXPECT_EQ(status.attempts_ended, 1U);
  EXPECT_EQ(status.last_success, now().wall);
  EXPECT_EQ(status.received_bytes, 10U);
  EXPECT_TRUE(reporter_.changed());
}

TEST_F(RepositoryReporterTest, ShowsNoSecretInTheNameOfARef) {
  const log::Redaction hidden{Secret(std::string_view("tokenSECRET0123456789"))};
  RefSelection::Choice head = choice('a');
  head.ref = "refs/heads/tokenSECRET0123456789";
  reporter_.attempt_began(now());
  reporter_.remote_answered(head, false, now());
  reporter_.published(head, outcome('a'), 10, now());
  EXPECT_EQ(last().ref, "refs/heads/***");
  reporter_.found_published({head.ref, id('a'), id('a'), ""}, std::nullopt, now());
  EXPECT_EQ(last().ref, "refs/heads/***");
  EXPECT_EQ(reporter_.status_at(now()).resolved_ref, "refs/heads/***");
  EXPECT_EQ(reporter_.status().resolved_ref, head.ref) << "pushes are compared with it";
}

TEST_F(RepositoryReporterTest, NamesTheCommitThatATagLeadsTo) {
  reporter_.attempt_began(now());
  Published published{"refs/tags/v1", id('f'), id('a'), ""};
  reporter_.checked(choice('f'), published, false, true, now());
  EXPECT_EQ(last().commit, id('a'));
  reporter_.checked(choice('e'), published, false, true, now());
  EXPECT_EQ(last().commit, id('e'));
}

TEST_F(RepositoryReporterTest, SaysWhetherAFailureCameInASync) {
  reporter_.attempt_began(now());
  advance(1s);
  fail(Error(ErrorClass::network, "refused"));
  EXPECT_FALSE(last().in_sync);
  EXPECT_EQ(last().duration, 0s);
  reporter_.attempt_began(now());
  reporter_.sync_began(now());
  advance(2s);
  reporter_.sync_began(now());  // a queue later
  fail(Error(ErrorClass::network, "refused"));
  EXPECT_TRUE(last().in_sync);
  EXPECT_EQ(last().duration, 2s);
  EXPECT_EQ(reporter_.status().attempts_ended, 2U);
}

TEST_F(RepositoryReporterTest, NamesTheHostThatAskedForPatience) {
  reporter_.attempt_began(now());
  fail(Error(ErrorClass::rate_limited, "429"), 90s);
  EXPECT_EQ(last().throttled, 90s);
  EXPECT_EQ(last().host, "git.test");
}

TEST_F(RepositoryReporterTest, CountsNoAttemptForALookAtTheVolume) {
  sync('a');
  reporter_.healing_began(now());
  fail(Error(ErrorClass::storage, "read-only"));
  EXPECT_EQ(last().attempt, 1U);
  EXPECT_FALSE(last().in_sync) << "the sync before it is over";
}

TEST_F(RepositoryReporterTest, ShowsTimesByTheSteadyClock) {
  sync('a');
  clock_.now.wall += 24h;  // set by NTP
  advance(1s);
  EXPECT_EQ(reporter_.status_at(now()).last_success, now().wall - 1s);
  EXPECT_EQ(reporter_.status_at(now()).last_change, now().wall - 1s);
  EXPECT_EQ(reporter_.status_at(now()).last_check, now().wall - 2s);
}

TEST_F(RepositoryReporterTest, GoesOnFromTheOneBefore) {
  sync('a');
  RepositoryReporter other_link(repository_, "/data", nullptr);
  other_link.continue_attempts(reporter_.status());
  other_link.continue_status(reporter_.status(), reporter_.steady_times(), false);
  EXPECT_EQ(other_link.status().attempts_begun, 1U);
  EXPECT_EQ(other_link.status().last_success, reporter_.status().last_success);
  EXPECT_FALSE(other_link.status().commit);
  RepositoryReporter same(repository_, "/data", nullptr);
  same.continue_status(reporter_.status(), reporter_.steady_times(), true);
  EXPECT_EQ(same.status().commit, id('a'));
  EXPECT_FALSE(same.changed());
}

TEST_F(RepositoryReporterTest, KnowsNothingOfTheTreeWhileRecoveryLooks) {
  sync('a');
  reporter_.set_link_resolves(false);
  reporter_.lost_sight();
  EXPECT_FALSE(reporter_.status().commit);
  EXPECT_EQ(reporter_.status_at(now()).tree_path, "");
  reporter_.found(id('b'), id('a'));
  EXPECT_EQ(reporter_.status().commit, id('b'));
  EXPECT_EQ(reporter_.status().previous, id('a'));
  EXPECT_TRUE(reporter_.status().link_resolves);
}

TEST_F(RepositoryReporterTest, TellsWhatAnEarlierRunPublishedWithoutEndingAnAttempt) {
  reporter_.attempt_began(now());
  reporter_.found_published(published('b'), id('a'), now());
  EXPECT_EQ(last().kind, EventKind::published);
  EXPECT_EQ(last().previous, id('a'));
  EXPECT_EQ(reporter_.status().attempts_ended, 0U);
}

TEST_F(RepositoryReporterTest, TakesNoSuccessOfTheFuture) {
  reporter_.remember_success(now().wall + 1h, now());
  EXPECT_EQ(reporter_.status().last_success, now().wall);
  reporter_.remember_success(now().wall - 1h, now());
  EXPECT_EQ(reporter_.status().last_success, now().wall) << "this run knows better";
}

}  // namespace
}  // namespace adapter::sync
