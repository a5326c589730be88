// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "adapter/log/log.hpp"
#include "machine.hpp"
#include "values.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

/// What a Machine remembers of failures.
class FailuresTest : public ::testing::Test {
protected:
  Machine started(std::chrono::milliseconds interval) {
    Machine::Settings settings;
    settings.schedule.when = schedule::Interval{interval};
    settings.schedule.jitter = 0;
    Machine machine(std::move(settings), random_);
    machine.start(clock_.now, false, std::nullopt);
    return machine;
  }

  std::mt19937_64 random_{1};
  Clock clock_;
};

TEST_F(FailuresTest, MeasuresARunOfFailuresByTheSteadyClock) {
  Machine machine = started(60s);
  const auto began = clock_.now.steady;
  machine.begin_check(clock_.now);
  machine.fail(clock_.now, Error(ErrorClass::network, "refused"));
  clock_.now.wall += 24h * 20'784;  // NTP found out what day it is
  clock_.advance(60s);
  machine.begin_check(clock_.now);
  machine.fail(clock_.now, Error(ErrorClass::network, "refused"));
  EXPECT_EQ(machine.failure()->since_steady, began);
}

TEST(ShownTime, IsAsOldAsTheSteadyClockSaysWhateverTheWallClockDid) {
  const Clock start;
  const auto then = start.now;
  for (const std::chrono::seconds set : {0s, 500s, -500s, 86'400s * 20'784}) {
    Clock clock = start;
    clock.advance(60s);
    clock.now.wall += set;
    EXPECT_EQ(clock.now.wall - shown_time(then.wall, then.steady, clock.now), 60s) << set.count();
  }
  Clock drifted = start;
  drifted.advance(60s);
  drifted.now.wall += 3ms;
  EXPECT_EQ(shown_time(then.wall, then.steady, drifted.now), then.wall) << "not another text at each look";
}

TEST_F(FailuresTest, KeepsNoSecretThatTheRemoteRepeats) {
  const log::Redaction hidden{Secret(std::string_view("tokenSECRET0123456789"))};
  const Error error(ErrorClass::policy, R"(path "x\\tokenSECRET0123456789" holds a backslash)");
  Machine machine = started(60s);
  machine.begin_check(clock_.now);
  machine.refuse(id('a'), error);
  machine.fail(clock_.now, error, true);
  EXPECT_EQ(machine.failure()->text, R"(path "x\\***" holds a backslash)");
  EXPECT_EQ(machine.refusals().at(id('a')).text, R"(path "x\\***" holds a backslash)");
}

TEST_F(FailuresTest, CountsHowOftenAFailureWasTheSame) {
  Machine machine = started(60s);
  const auto fail = [&](ErrorClass error_class, const char* text) {
    machine.begin_check(clock_.now);
    machine.fail(clock_.now, Error(error_class, text));
    return machine.failure()->unchanged;
  };
  EXPECT_EQ(fail(ErrorClass::network, "refused"), 1U);
  EXPECT_EQ(fail(ErrorClass::network, "refused"), 2U);
  EXPECT_EQ(fail(ErrorClass::network, "reset"), 1U);
  EXPECT_EQ(fail(ErrorClass::tls, "reset"), 1U);
  EXPECT_EQ(fail(ErrorClass::tls, "reset"), 2U);
  machine.begin_check(clock_.now);
  machine.succeed(clock_.now);
  EXPECT_EQ(fail(ErrorClass::tls, "reset"), 1U) << "after a success it is news";
}

TEST_F(FailuresTest, TakesAFailureWithOtherFiguresForTheSame) {
  const auto are_the_same = [&](const std::string& first, const std::string& second) {
    Machine machine = started(60s);
    machine.fail(clock_.now, Error(ErrorClass::storage, first));
    machine.fail(clock_.now, Error(ErrorClass::storage, second));
    EXPECT_EQ(machine.failure()->text, second);
    return machine.failure()->unchanged == 2;
  };
  EXPECT_TRUE(are_the_same("full: 1581056 bytes are free", "full: 1576960 bytes are free"));
  EXPECT_TRUE(are_the_same("cannot write \"incoming/aee09427059e4c3a\"", "cannot write \"incoming/0123456789abcdef\""));
  EXPECT_FALSE(are_the_same("answered 500", "answered 503"));
  EXPECT_FALSE(are_the_same("cannot write a", "cannot write b"));
  EXPECT_FALSE(are_the_same("cannot write aaaaaaaa", "cannot write bbbbbbbb"));
  EXPECT_FALSE(are_the_same("refused " + id('1').to_hex(), "refused " + id('2').to_hex())) << "another commit is news";
  EXPECT_FALSE(are_the_same("full: 1581056", "full: 1581056 of"));
}

TEST_F(FailuresTest, DoublesTheWaitAfterTwoEqualTimeouts) {
  Machine machine = started(10min);
  std::vector<std::chrono::steady_clock::duration> waits;
  for (int i = 0; i < 16; ++i) {
    machine.begin_check(clock_.now);
    machine.fail(clock_.now, Error(ErrorClass::timeout, "the whole sync took longer than 5m"));
    waits.push_back(machine.sleep_until(clock_.now) - clock_.now.steady);
    clock_.advance(20min);
  }
  for (std::size_t i = 2; i < waits.size(); ++i) {
    EXPECT_GE(waits[i], std::min<std::chrono::steady_clock::duration>(waits[i - 1] * 2, 10min)) << i;
    EXPECT_LE(waits[i], 10min) << i;
  }
  EXPECT_EQ(waits.back(), 10min);
}

}  // namespace
}  // namespace adapter::sync
