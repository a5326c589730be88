// SPDX-License-Identifier: Apache-2.0
#include "leftovers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <stdlib.h>
#include <fstream>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>

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
  EXPECT_THAT(found.front().leading, ElementsAre("pages"));
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
  EXPECT_THAT(find_leftovers(configured).at(0).leading, IsEmpty());
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

/// No descriptor is left for as long as this lives.
class NoDescriptors {
public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
  rlimit before_{};
};

/// They may say that a link shows another source's content: none is not the same as none that can be read.
TEST_F(LeftoversTest, NotesThatCannotBeReadNowAreNotLost) {
  publish("docs", "docs");
  const fs::path own = directory.path() / ".adapter/docs";
  {
    const NoDescriptors none;
    EXPECT_THROW(static_cast<void>(read_state(own)), Error);
    EXPECT_THROW(static_cast<void>(load_state(own)), Error);
  }
  EXPECT_EQ(load_state(own)->link, "docs");
  std::ofstream(own / "state.json") << "{";
  EXPECT_FALSE(load_state(own));
  fs::remove(own / "state.json");
  EXPECT_FALSE(load_state(own));
  fs::create_directory(own / "state.json");
  EXPECT_FALSE(load_state(own));
  EXPECT_FALSE(load_state(directory.path() / ".adapter/wiki"));
}

TEST_F(LeftoversTest, AreNoCopiesThatAPersonMade) {
  publish("docs", "docs");
  fs::copy(directory.path() / ".adapter/docs", directory.path() / ".adapter/docs-before-upgrade",
           fs::copy_options::recursive);
  configured.link_of["docs"] = "docs";
  EXPECT_THAT(find_leftovers(configured), IsEmpty());
}

TEST_F(LeftoversTest, ALookAtLinksTellsOnlyWhatChanged) {
  publish("docs", "docs");
  publish("wiki", "wiki");
  fs::remove_all(directory.path() / ".adapter/wiki");
  const auto look = [&](std::vector<WatchedLink> links) {
    std::vector<WatchedLink> differing;
    for (WatchedLink& link : links) {
      const bool resolves = shows_its_commit(directory.path(), link);
      if (resolves != std::exchange(link.resolves, resolves)) {
        differing.push_back(link);
      }
    }
    return differing;
  };
  const std::string other(40, '1');
  const std::vector<ObjectId> commits{ObjectId::from_hex(any_commit).value(), ObjectId::from_hex(other).value()};
  const auto differing = look({{"docs", "docs", true, commits}, {"wiki", "wiki", true, commits}});
  ASSERT_EQ(differing.size(), 1U);
  EXPECT_EQ(differing.front().repository, "wiki");
  EXPECT_FALSE(differing.front().resolves);
  EXPECT_THAT(look(differing), IsEmpty());
  const std::vector<WatchedLink> docs{{"docs", "docs", true, commits}};
  EXPECT_THAT(look(docs), IsEmpty());
  const auto replace = [&](const std::function<void(const fs::path&)>& make) {
    fs::remove_all(directory.path() / "docs");
    make(directory.path() / "docs");
    return look(docs).size();
  };
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory(path); }), 1U);
  EXPECT_EQ(replace([](const fs::path& path) { fs::create_directory_symlink("/etc", path); }), 1U);
  std::string tree = "/trees/" + other;
  const auto lead_to = [&](const std::string& name) {
    return replace([&](const fs::path& path) { fs::create_directory_symlink(".adapter/" + name + tree, path); });
  };
  fs::create_directories(directory.path() / ".adapter" / ("docs2" + tree));
  EXPECT_EQ(lead_to("docs2"), 1U);
  EXPECT_EQ(lead_to("docs"), 1U);
  fs::create_directories(directory.path() / ".adapter" / ("docs" + tree));
  EXPECT_EQ(lead_to("docs"), 0U);
  tree = "/trees/" + std::string(40, '2');
  fs::create_directories(directory.path() / ".adapter" / ("docs" + tree));
  EXPECT_EQ(lead_to("docs"), 1U) << "a tree of another commit";
  EXPECT_EQ(link_watch_interval(3).count(), 1000);
  EXPECT_EQ(link_watch_interval(10'000).count(), 20'000);
}

}  // namespace
}  // namespace adapter::sync
