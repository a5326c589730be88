// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/base/limits.hpp"
#include "support.hpp"

namespace adapter::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Repository& first(const Loaded& loaded) {
  return loaded.config->repositories.front();
}

std::chrono::milliseconds every(const Repository& repository) {
  return std::get<schedule::Interval>(repository.schedule.when).every;
}

TEST(Load, GivesEveryKeyItsDefault) {
  const Loaded loaded = load(one_repository());
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  EXPECT_THAT(loaded.findings, ElementsAre());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.data_dir, std::filesystem::current_path() / "data");
  EXPECT_EQ(config.workers, 0U);
  EXPECT_EQ(config.log_level, log::Level::info);
  EXPECT_FALSE(config.log_format);
  EXPECT_EQ(config.admin, Admin{});
  EXPECT_EQ(config.concurrency, Concurrency{});
  EXPECT_FALSE(config.prune);
  EXPECT_EQ(config.sandbox, Sandbox::automatic);
  EXPECT_THAT(config.files, ElementsAre("/etc/adapter/config.yaml"));
  const Repository& repository = first(loaded);
  EXPECT_EQ(repository.name, "docs");
  EXPECT_EQ(repository.url.to_string(), "https://git.example.com/team/docs.git");
  EXPECT_EQ(repository.ref, "HEAD");
  EXPECT_EQ(every(repository), 60s);
  EXPECT_EQ(repository.schedule.jitter, 0.10);
  EXPECT_EQ(repository.depth, 1U);
  EXPECT_EQ(repository.link, "docs");
  EXPECT_EQ(repository.timeout, 15min);
  EXPECT_EQ(repository.limits, Limits{});
}

}  // namespace
}  // namespace adapter::config
