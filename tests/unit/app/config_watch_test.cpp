// SPDX-License-Identifier: Apache-2.0
#include "config_watch.hpp"

#include <gtest/gtest.h>

namespace adapter::app {
namespace {

config::Sources sources(off_t size) {
  config::Sources made;
  made.files = {"/etc/adapter/config.yaml"};
  FileStamp stamp;
  stamp.size_bytes = size;
  made.versions["/etc/adapter/config.yaml"] = FileVersion::at(stamp, [] { return std::nullopt; }, {}, {});
  return made;
}

TEST(ConfigWatch, SaysNothingWhileNothingChanges) {
  ConfigWatch watch;
  watch.loaded(sources(1));
  EXPECT_FALSE(watch.settled(sources(1)));
  EXPECT_FALSE(watch.settled(sources(1)));
}

TEST(ConfigWatch, TellsAChangeOnceWhenItStandsStill) {
  ConfigWatch watch;
  watch.loaded(sources(1));
  EXPECT_FALSE(watch.settled(sources(2)));
  EXPECT_FALSE(watch.settled(sources(3))) << "it is still being written";
  EXPECT_TRUE(watch.settled(sources(3)));
  EXPECT_FALSE(watch.settled(sources(3)));
}

TEST(ConfigWatch, ForgetsAChangeThatIsTakenBack) {
  ConfigWatch watch;
  watch.loaded(sources(1));
  EXPECT_FALSE(watch.settled(sources(2)));
  EXPECT_FALSE(watch.settled(sources(1)));
  EXPECT_FALSE(watch.settled(sources(2)));
  EXPECT_TRUE(watch.settled(sources(2)));
}

TEST(ConfigWatch, CountsFromTheLastLoad) {
  ConfigWatch watch;
  EXPECT_FALSE(watch.has_files());
  watch.loaded(sources(1));
  EXPECT_TRUE(watch.has_files());
  EXPECT_FALSE(watch.settled(sources(2)));
  watch.loaded(sources(2));  // somebody asked for a reload in between
  EXPECT_FALSE(watch.settled(sources(2)));
  EXPECT_FALSE(watch.settled(sources(2)));
}

}  // namespace
}  // namespace adapter::app
