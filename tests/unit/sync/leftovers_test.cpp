// SPDX-License-Identifier: Apache-2.0
#include "leftovers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <string>

#include "link_watch.hpp"
#include "repository_journal.hpp"
#include "volume_fixture.hpp"

namespace adapter::sync {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using LeftoversTest = VolumeTest;

TEST_F(LeftoversTest, AreTheRepositoriesThatNoConfigurationHas) {
  publish("docs", "docs");
  publish("wiki", "pages", {{"old", std::nullopt, std::nullopt}, {"pages", std::nullopt, std::nullopt}});
  configured.link_of["docs"] = "docs";
  const std::vector<Leftover> found = find_leftovers(configured);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().name, "wiki");
  EXPECT_THAT(found.front().links, ElementsAre("pages", "old"));
  EXPECT_EQ(found.front().needed_by, "");
  EXPECT_TRUE(find_leftover(configured, "wiki"));
  EXPECT_FALSE(find_leftover(configured, "docs"));
}

TEST_F(LeftoversTest, HaveTheirNameForALinkWhereNotesAreMissing) {
  publish("wiki", "pages");
  fs::remove(directory.path() / ".adapter/wiki/state.json");
  EXPECT_THAT(find_leftovers(configured).at(0).links, ElementsAre("wiki"));
}

TEST_F(LeftoversTest, AreNeededWhileTheLinkOfARenamedRepositoryLeadsIntoThem) {
  publish("docs", "site");
  configured.link_of["handbook"] = "site";
  EXPECT_EQ(find_leftovers(configured).at(0).needed_by, "site");
  publish("handbook", "site");
  EXPECT_EQ(find_leftovers(configured).at(0).needed_by, "");
}

TEST_F(LeftoversTest, AreNeededWhileAFormerLinkOfAConfiguredRepositoryLeadsIntoThem) {
  publish("docs", "site");
  publish("handbook", "book", {{"site", std::nullopt, std::nullopt}});
  configured.link_of["handbook"] = "book";
  EXPECT_EQ(find_leftovers(configured).at(0).needed_by, "site");
}

TEST_F(LeftoversTest, AreNoOtherThingsBelowTheFolder) {
  fs::create_directories(directory.path() / ".adapter/.gone-1");
  fs::create_directories(directory.path() / ".adapter/lost+found");
  fs::create_directories(directory.path() / ".adapter/Upper");
  fs::create_directories(directory.path() / ".adapter/backup-of-friday/only-copy");
  fs::create_directories(directory.path() / ".adapter/my-trees/trees");
  EXPECT_THAT(find_leftovers(configured), IsEmpty());
}

TEST_F(LeftoversTest, ALookAtLinksTellsOnlyWhatChanged) {
  publish("docs", "docs");
  publish("wiki", "wiki");
  fs::remove_all(directory.path() / ".adapter/wiki");
  const auto differing = look_at_links(
      {{"docs", directory.path() / "docs", true}, {"wiki", directory.path() / "wiki", true}}, std::stop_token());
  ASSERT_EQ(differing.size(), 1U);
  EXPECT_EQ(differing.front().repository, "wiki");
  EXPECT_FALSE(differing.front().resolves);
  EXPECT_THAT(look_at_links(differing, std::stop_token()), IsEmpty());
  const std::vector<WatchedLink> docs{{"docs", directory.path() / "docs", true}};
  EXPECT_THAT(look_at_links(docs, std::stop_token()), IsEmpty());
  const auto replace = [&](const std::function<void(const fs::path&)>& make) {
    fs::remove_all(directory.path() / "docs");
    make(directory.path() / "docs");
    return look_at_links(docs, std::stop_token()).size();
  };
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory(path); }), 1U);
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory_symlink("/etc", path); }), 1U);
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory_symlink(".adapter/docs2/trees/1", path); }), 1U);
  fs::create_directories(directory.path() / ".adapter/docs/trees/1");
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory_symlink(".adapter/docs/trees/1", path); }), 0U);
  EXPECT_EQ(link_watch_interval(3).count(), 1000);
  EXPECT_EQ(link_watch_interval(10'000).count(), 20'000);
}

}  // namespace
}  // namespace adapter::sync
