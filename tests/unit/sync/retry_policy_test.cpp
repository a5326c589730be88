// SPDX-License-Identifier: Apache-2.0
#include "retry_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

milliseconds longest_of(const Error& error, unsigned failures, milliseconds interval) {
  std::mt19937_64 random(3);
  milliseconds longest{0};
  for (int i = 0; i < 500; ++i) {
    longest = std::max(longest, retry_delay(error, failures, interval, random));
  }
  return longest;
}

TEST(RetryDelay, GrowsFromASecondToTheCapOfItsClass) {
  const Error network(ErrorClass::network, "x");
  EXPECT_LE(longest_of(network, 1, 1s), 1s);
  EXPECT_GT(longest_of(network, 4, 1s), 4s);
  EXPECT_LE(longest_of(network, 30, 1s), retry_cap(ErrorClass::network));
  EXPECT_GT(longest_of(network, 30, 1s), retry_cap(ErrorClass::network) / 2);
}

TEST(RetryDelay, MayReachTheIntervalWhereThatIsLonger) {
  const Error network(ErrorClass::network, "x");
  EXPECT_GT(longest_of(network, 30, 2h), 1h);
  EXPECT_LE(longest_of(network, 30, 2h), 2h);
}

TEST(RetryDelay, LooksAtLocalTroubleWithinSecondsWhateverTheInterval) {
  EXPECT_LE(longest_of(Error(ErrorClass::storage, "disk full"), 100, 24h), 5s);
}

TEST(RetryDelay, WaitsAtLeastAsLongAsTheHostAsks) {
  Error limited(ErrorClass::rate_limited, "429");
  limited.set_retry_after(90s);
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    const milliseconds delay = retry_delay(limited, 1, 1s, random);
    EXPECT_GE(delay, 90s);
    EXPECT_LE(delay, 100s);
  }
}

TEST(RetryDelay, AHostThatAsksForNoWaitDoesNotEndTheBackOff) {
  Error limited(ErrorClass::rate_limited, "429");
  limited.set_retry_after(0s);
  EXPECT_GT(longest_of(limited, 30, 1s), retry_cap(ErrorClass::rate_limited) / 2);
  Error unavailable(ErrorClass::network, "503");
  unavailable.set_retry_after(0s);
  EXPECT_GT(longest_of(unavailable, 30, 1s), retry_cap(ErrorClass::network) / 2);
}

TEST(RetryDelay, NeverComesAtOnce) {
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < error_class_count; ++i) {
    const Error error(static_cast<ErrorClass>(i), "x");
    for (int j = 0; j < 100; ++j) {
      EXPECT_GE(retry_delay(error, 1, 100ms, random), 100ms);
    }
  }
}

}  // namespace
}  // namespace adapter::sync
