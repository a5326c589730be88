// SPDX-License-Identifier: Apache-2.0
#include "reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::app {
namespace {

config::Repository repository(std::string name, std::string ref = "HEAD") {
  config::Repository made;
  made.name = std::move(name);
  made.ref = std::move(ref);
  made.url = http::Url::parse("https://git.example.com/r.git").value();
  return made;
}

TEST(PlanReload, CountsWhatIsAddedRemovedAndChanged) {
  config::Config current;
  current.repositories = {repository("a"), repository("b"), repository("c")};
  config::Config next;
  next.repositories = {repository("b"), repository("c", "main"), repository("d"), repository("e")};
  const Reload reload = plan_reload(current, next);
  EXPECT_THAT(reload.added, ::testing::SizeIs(2));
  EXPECT_THAT(reload.removed, ::testing::SizeIs(1));
  EXPECT_THAT(reload.changed, ::testing::SizeIs(1));
  EXPECT_TRUE(reload.needs_restart.empty());
}

TEST(PlanReload, KeepsWhatCannotChangeWhileRunningAndNamesIt) {
  config::Config current;
  current.data_dir = "/data";
  current.workers = 2;
  config::Config next;
  next.data_dir = "/elsewhere";
  next.workers = 3;
  next.admin.listen = "127.0.0.1:8080";
  const Reload reload = plan_reload(current, next);
  EXPECT_EQ(reload.needs_restart, (std::vector<std::string>{"data_dir", "admin.listen", "workers"}));
  EXPECT_EQ(reload.config.data_dir, "/data");
  EXPECT_EQ(reload.config.workers, 2U);
  EXPECT_EQ(reload.config.admin.listen, "");
}

TEST(PlanReload, APortThatStaysOpenToEverybodyKeepsItsToken) {
  config::Config current;
  current.admin.listen = "0.0.0.0:8080";
  current.admin.token_file = "/run/secrets/token";
  config::Config next;  // alone it would be sound: it listens nowhere
  const Reload reload = plan_reload(current, next);
  EXPECT_EQ(reload.needs_restart, (std::vector<std::string>{"admin.listen", "admin.token_file"}));
  EXPECT_EQ(reload.config.admin.listen, "0.0.0.0:8080");
  EXPECT_EQ(reload.config.admin.token_file, "/run/secrets/token");
}

TEST(PlanReload, ATokenCanBeReplacedAndALoopbackPortCanDoWithout) {
  config::Config current;
  current.admin.listen = "[::]:8080";
  current.admin.token_file = "/run/secrets/token";
  config::Config next = current;
  next.admin.token_file = "/run/secrets/other";
  EXPECT_EQ(plan_reload(current, next).config.admin.token_file, "/run/secrets/other");
  current.admin.listen = next.admin.listen = "[::1]:8080";
  next.admin.token_file.reset();
  EXPECT_FALSE(plan_reload(current, next).config.admin.token_file);
}

}  // namespace
}  // namespace adapter::app
