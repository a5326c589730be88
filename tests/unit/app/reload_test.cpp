// SPDX-License-Identifier: Apache-2.0
#include "reload.hpp"

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
  EXPECT_EQ(reload.added, 2U);
  EXPECT_EQ(reload.removed, 1U);
  EXPECT_EQ(reload.changed, 1U);
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

}  // namespace
}  // namespace adapter::app
