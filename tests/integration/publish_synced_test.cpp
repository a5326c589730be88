// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"
#include "../support/unsynced_files.hpp"

namespace adapter::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* only_the_new_link = "name .adapter/docs/.link-*";

/// Which files a power cut could still undo at a moment of a publish. Each test names all of them.
class WhatIsSynced : public ::testing::Test {
protected:
  using Moment = std::function<bool(const FileCall&)>;

  void TearDown() override { FileCalls::ignore(); }

  /// Below data_dir, before the first call of that kind.
  [[nodiscard]] std::vector<std::string> unsynced_before(const Moment& moment) const {
    UnsyncedFiles files;
    for (const fs::path& path : from_an_earlier_process) {
      files.assume_name(path.native());
    }
    for (const FileCall& call : FileCalls::seen()) {
      if (moment && moment(call)) {
        return files.below(root);
      }
      files.see(call);
    }
    if (moment) {
      ADD_FAILURE() << "there was no such call";
    }
    return files.below(root);
  }
  /// Before the link is made or moved.
  [[nodiscard]] std::vector<std::string> unsynced_before_the_flip(const fs::path& link) const {
    return unsynced_before([&](const FileCall& call) { return call.to == link && call.name != "symlink"; });
  }
  [[nodiscard]] std::vector<std::string> unsynced_at_the_end() const { return unsynced_before({}); }

  void begin(const PublishFixture& fixture, FileCalls::Answer answer = {}) {
    root = fixture.data_dir;
    FileCalls::watch(std::move(answer));
  }
  static ObjectId few(PublishFixture& fixture, const std::string& text) {
    return fixture.trees.commit({{"a", text},
                                 {"d/e/f", "deep"},
                                 {"d/run", "#!", publish::EntryKind::executable},
                                 {"d/link", "e", publish::EntryKind::symlink}});
  }
  static ObjectId many(PublishFixture& fixture, const std::string& text) {
    std::vector<MemoryFile> files;
    for (int i = 0; i < 40; ++i) {
      files.push_back({"d" + std::to_string(i % 4) + "/" + std::to_string(i), text});
    }
    return fixture.trees.commit(files);
  }

  std::string root;
  std::vector<fs::path> from_an_earlier_process;
};

TEST_F(WhatIsSynced, FirstPublishOfFewFilesSyncsEachBeforeTheLinkAppears) {
  PublishFixture fixture(2, "sites/docs");
  const ObjectId commit = few(fixture, "1");
  begin(fixture);
  fixture.publish(commit);
  EXPECT_THAT(FileCalls::paths_of("syncfs"), IsEmpty());
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, FirstPublishOfManyFilesSyncsTheVolumeBeforeTheLinkAppears) {
  PublishFixture fixture;
  const ObjectId commit = many(fixture, "1");
  begin(fixture);
  fixture.publish(commit);
  EXPECT_THAT(FileCalls::paths_of("syncfs"), SizeIs(1));
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, ManyFilesAreSyncedOneByOneWhereSyncfsIsMissing) {
  PublishFixture fixture;
  const ObjectId commit = many(fixture, "1");
  begin(fixture, [](const FileCall& call) { return call.name == "syncfs" ? ENOSYS : 0; });
  fixture.publish(commit);
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, SixteenFilesAndFoldersAreSyncedOneByOneAndSeventeenAtOnce) {
  PublishFixture fixture;
  for (const std::size_t count : {15U, 16U}) {  // and the root folder
    std::vector<MemoryFile> files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back({std::to_string(i), "x"});
    }
    const ObjectId commit = fixture.trees.commit(files);
    begin(fixture);
    fixture.publish(commit);
    EXPECT_THAT(FileCalls::paths_of("syncfs"), SizeIs(count - 15)) << count;
    EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link)) << count;
  }
}

TEST_F(WhatIsSynced, NextPublishSyncsItsTreeBeforeTheLinkMoves) {
  PublishFixture fixture;
  fixture.publish(few(fixture, "1"));
  for (const ObjectId& commit : {few(fixture, "2"), many(fixture, "3")}) {
    begin(fixture);
    fixture.publish(commit);
    EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
    EXPECT_THAT(unsynced_at_the_end(), Not(Contains("name docs")));
  }
}

TEST_F(WhatIsSynced, CompleteTreeOfAnEarlierProcessIsSyncedBeforeTheLinkMovesToIt) {
  PublishFixture fixture;
  const ObjectId first = few(fixture, "1");
  fixture.publish(first);
  fixture.publish(few(fixture, "2"));
  from_an_earlier_process = {fixture.tree(first), fixture.own() / "manifests" / first.to_hex()};
  begin(fixture);
  EXPECT_TRUE(fixture.publish(first).reused);
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, DirectoriesOfAnEarlierProcessAreSyncedByTheFirstPublish) {
  PublishFixture fixture(2, "sites/more/docs");
  const ObjectId commit = few(fixture, "1");
  for (const fs::path& path : {fixture.own() / "trees", fixture.own() / "manifests", fixture.link.parent_path()}) {
    fs::create_directories(path);
    for (fs::path each = path; each != fixture.data_dir; each = each.parent_path()) {
      from_an_earlier_process.push_back(each);
    }
  }
  begin(fixture);
  fixture.publish(commit);
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
}

TEST_F(WhatIsSynced, LinkOfAnEarlierProcessIsSyncedBeforeItsCommitCountsAsPublished) {
  PublishFixture fixture(2, "sites/docs");
  const ObjectId commit = few(fixture, "1");
  fixture.publish(commit);
  from_an_earlier_process = {fixture.link, fixture.tree(commit), fixture.own() / "manifests" / commit.to_hex()};
  const std::vector<std::function<void()>> ways = {[&] { fixture.publish(commit); }, [&] { fixture.recover(); },
                                                   [&] { fixture.relink(commit); }};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    begin(fixture);
    ways[i]();
    EXPECT_THAT(unsynced_at_the_end(), IsEmpty()) << "way " << i;
  }
}

TEST_F(WhatIsSynced, LostLinkIsMadeAnewOnceItsTreeIsSynced) {
  PublishFixture fixture(2, "sites/docs");
  const ObjectId commit = few(fixture, "1");
  fixture.publish(commit);
  fs::remove_all(fixture.data_dir / "sites");
  from_an_earlier_process = {fixture.tree(commit), fixture.own() / "manifests" / commit.to_hex()};
  begin(fixture);
  fixture.relink(commit);
  EXPECT_THAT(unsynced_before_the_flip(fixture.link), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, MovedLinkAppearsOnceItsTreeIsSyncedAndTheFormerOneGoesForGood) {
  PublishFixture fixture(2, "old/docs");
  const ObjectId commit = few(fixture, "1");
  fixture.publish(commit);
  const auto moved = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "new/docs", fixture.doubts);
  begin(fixture);
  wait_for(publish_in_steps(*moved, fixture.trees.source(commit), {}));
  EXPECT_THAT(unsynced_before_the_flip(fixture.data_dir / "new/docs"), ElementsAre(only_the_new_link));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
  begin(fixture);
  EXPECT_TRUE(wait_for(moved->remove_former_link("old/docs")));
  EXPECT_FALSE(fs::exists(fixture.data_dir / "old"));
  EXPECT_THAT(unsynced_at_the_end(), IsEmpty());
}

TEST_F(WhatIsSynced, DamagedTreeIsReplacedByASyncedOne) {
  PublishFixture fixture;
  for (const ObjectId& commit : {few(fixture, "1"), many(fixture, "2")}) {
    fixture.publish(commit);
    for (const int exchange_error : {0, EINVAL, ENOSYS}) {
      fixture.clean_up();
      fs::remove_all(fixture.tree(commit) / "d");
      fs::remove_all(fixture.tree(commit) / "d1");
      begin(fixture, [&](const FileCall& call) { return call.name == "exchange" ? exchange_error : 0; });
      EXPECT_FALSE(fixture.publish(commit).reused);
      const std::vector<std::string> unsynced = unsynced_before([&](const FileCall& call) {
        return call.to == fixture.tree(commit) && !call.path.ends_with(commit.to_hex()) &&
               (call.name == "rename" || (call.name == "exchange" && exchange_error == 0));
      });
      EXPECT_THAT(unsynced, Not(Contains(::testing::StartsWith("bytes")))) << exchange_error;
      EXPECT_THAT(unsynced, Not(Contains(::testing::HasSubstr(".tmp-*/")))) << exchange_error;
      EXPECT_THAT(unsynced_at_the_end(), IsEmpty()) << exchange_error;
      EXPECT_TRUE(fs::exists(fixture.link)) << exchange_error;
      EXPECT_EQ(fixture.recover().commit, commit) << exchange_error;
    }
  }
}

TEST_F(WhatIsSynced, RecordThatIsRefreshedIsSyncedBeforeItTakesItsName) {
  PublishFixture fixture;
  const ObjectId commit = few(fixture, "1");
  fixture.publish(commit);
  fs::permissions(fixture.tree(commit) / "d", fs::perms::group_write, fs::perm_options::add);
  begin(fixture);
  EXPECT_EQ(fixture.recover().commit, commit);
  const fs::path record = fixture.own() / "manifests" / commit.to_hex();
  EXPECT_THAT(unsynced_before([&](const FileCall& call) { return call.name == "rename" && call.to == record; }),
              Not(Contains(::testing::StartsWith("bytes"))));
}

TEST_F(WhatIsSynced, RemovalIsSyncedBeforeTheFirstFileGoes) {
  for (const char* const link : {"docs", "sites/docs"}) {
    PublishFixture fixture(2, link);
    fixture.publish(few(fixture, "1"));
    begin(fixture);
    wait_for(fixture.publisher->retire_all(at_once));
    delete_retired(fixture.data_dir);
    EXPECT_THAT(unsynced_before([](const FileCall& call) {
                  return call.name == "unlink" && call.path.find("/.gone-") != std::string::npos;
                }),
                IsEmpty())
        << link;
  }
}

TEST_F(WhatIsSynced, TreesGiveUpTheirNamesForGoodBeforeTheirFilesGo) {
  PublishFixture fixture;
  const std::vector<ObjectId> commits = {few(fixture, "1"), few(fixture, "2"), few(fixture, "3")};
  fixture.publish(commits[0]);
  fixture.publish(commits[1]);
  begin(fixture);
  fixture.publish(commits[2]);
  fixture.clean_up();
  EXPECT_FALSE(fs::exists(fixture.tree(commits[0])));
  EXPECT_THAT(unsynced_before([](const FileCall& call) {
                return call.name == "unlink" && call.path.find("/trees/.gone-") != std::string::npos;
              }),
              IsEmpty());
}

}  // namespace
}  // namespace adapter::testing
