// SPDX-License-Identifier: Apache-2.0
#include "lock_holder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::testing {
namespace {

using publish::describe;
using publish::flock_holders;
using publish::LockHolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* locks =
    "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF\n"
    "1: -> FLOCK  ADVISORY  WRITE 12 08:01:131 0 EOF\n"
    "2: POSIX  ADVISORY  WRITE 13 08:01:131 0 EOF\n"
    "3: FLOCK  ADVISORY  READ 14 00:2b:132 0 EOF\n"
    "4: FLOCK  ADVISORY  READ 14 00:2b:131 0 EOF\n"
    "5: FLOCK  ADVISORY  WRITE 15 fe:00:131 0 EOF\n";

TEST(FlockHolders, AreThoseOfTheInodesAndDoNotWait) {
  EXPECT_THAT(flock_holders(locks, {"08:01:131"}, ""), ElementsAre("4711"));
  EXPECT_THAT(flock_holders(locks, {"00:2b:131", "00:2b:132"}, ""), ElementsAre("14"));
  EXPECT_THAT(flock_holders(locks, {"08:01:133"}, "4711"), IsEmpty());
  EXPECT_THAT(flock_holders("", {"08:01:131"}, "4711"), IsEmpty());
}

TEST(FlockHolders, TheNotedProcessIsFoundWhereStatAndLocksHaveOtherDeviceNumbers) {
  EXPECT_THAT(flock_holders(locks, {"00:99:131"}, "15"), ElementsAre("15"));
}

TEST(DescriptionOfALockHolder, NamesTheNotedProcessOnlyWhereItHolds) {
  EXPECT_EQ(describe({.noted = "7", .seen = {"9", "7"}}, "/data"),
            "process 7 works on /data already; stop it, or give this one a data_dir of its own");
  const std::string consumer = describe({.noted = "1", .seen = {"999999999"}}, "/data");
  EXPECT_THAT(consumer, HasSubstr("process 999999999 holds flock on /data"));
  EXPECT_THAT(consumer, HasSubstr("process 1, which may be of another container or host"));
  EXPECT_THAT(consumer, Not(HasSubstr("works on")));
  for (const char* const noted : {"1", ""}) {
    const std::string unseen = describe({.noted = noted, .seen = {}}, "/data");
    EXPECT_THAT(unseen, HasSubstr("another process works on /data already, or a consumer of the volume holds flock"));
    EXPECT_THAT(unseen, HasSubstr("`lslocks` or `fuser -v /data /data/.adapter`"));
    EXPECT_EQ(unseen.find("process 1,") != std::string::npos, *noted != '\0') << unseen;
  }
}

}  // namespace
}  // namespace adapter::testing
