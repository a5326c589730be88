// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"
#include "../support/unsynced_files.hpp"

namespace adapter::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FailingSync : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }
  static void fail_next(const std::string& path_end) { FileCalls::watch(fail_once("fsync", path_end, EIO)); }

  /// What a power cut could undo after these calls, the leftovers of temporary names aside.
  static std::vector<std::string> not_durable(const std::vector<FileCall>& calls, const fs::path& data_dir) {
    UnsyncedFiles files;
    for (const FileCall& call : calls) {
      files.see(call);
    }
    std::vector<std::string> lines = files.below(data_dir.native());
    std::erase_if(lines, [](const std::string& line) { return line.ends_with("-*"); });
    return lines;
  }
};

TEST_F(FailingSync, OfTheLinksDirectoryIsFollowedByANewLink) {
  const std::vector<std::function<void(PublishFixture&, const ObjectId&)>> ways = {
      [](PublishFixture& fixture, const ObjectId& commit) { EXPECT_TRUE(fixture.publish(commit).reused); },
      [](PublishFixture& fixture, const ObjectId& commit) { EXPECT_EQ(fixture.recover().commit, commit); },
      [](PublishFixture& fixture, const ObjectId& commit) { fixture.relink(commit); }};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    for (const char* const directory : {"/sites", "/.adapter/docs"}) {
      PublishFixture fixture(2, "sites/docs");
      const ObjectId first = fixture.trees.commit({{"n", "1"}});
      const ObjectId second = fixture.trees.commit({{"n", "2"}});
      fixture.publish(first);
      fail_next(directory);
      EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
      EXPECT_EQ(content(fixture.link / "n"), "2") << "the sync comes after the move";
      FileCalls::watch();
      ways[i](fixture, second);
      const std::vector<FileCall> seen = FileCalls::seen();
      const auto moved = std::find_if(seen.begin(), seen.end(),
                                      [&](const FileCall& call) { return call.to == fixture.link.native(); });
      ASSERT_NE(moved, seen.end()) << "way " << i << ": the old link's pages were trusted";
      const auto synced = std::find_if(moved, seen.end(), [&](const FileCall& call) {
        return call.name == "fsync" && call.path == fixture.link.parent_path().native();
      });
      EXPECT_NE(synced, seen.end()) << "way " << i;
      FileCalls::watch();
      ways[i](fixture, second);
      EXPECT_THAT(FileCalls::paths_of("rename"), IsEmpty()) << "the new link is durable; once is enough";
    }
  }
}

TEST_F(FailingSync, OfAStartIsFollowedByANewLinkAndANewTree) {
  for (const char* const directory : {"/sites", "/trees", "/manifests"}) {
    PublishFixture fixture(2, "sites/docs");
    const ObjectId commit = fixture.trees.commit({{"n", "1"}});
    fixture.publish(commit);
    fail_next(directory);
    EXPECT_EQ(error_of([&] { fixture.recover(); }).error_class(), ErrorClass::storage) << directory;
    FileCalls::watch();
    const bool of_the_link = directory == std::string("/sites");
    EXPECT_EQ(fixture.recover().commit.has_value(), of_the_link) << directory;
    EXPECT_EQ(fixture.publish(commit).reused, of_the_link) << directory << ": the old pages were trusted";
    const std::vector<FileCall> seen = FileCalls::seen();
    const std::string made_anew = of_the_link ? fixture.link.native() : fixture.tree(commit).native();
    EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [&](const FileCall& call) { return call.to == made_anew; }))
        << directory;
  }
}

/// Fails one sync after the other, of a first and of a later publish, with few and with many files. The publish fails,
/// and the next one relies on nothing whose sync failed: it was made again, and synced.
TEST_F(FailingSync, AtAnyPlaceFailsThePublishAndTheNextOneTrustsNothingOfIt) {
  for (const int error : {EIO, EROFS, ENOSPC}) {
    for (const int files : {2, 40}) {
      for (const bool first : {true, false}) {
        for (int place = 0;; ++place) {
          FileCalls::ignore();
          PublishFixture fixture(1, "sites/docs");
          if (!first) {
            fixture.publish(fixture.trees.commit({{"n", "1"}}));
          }
          std::vector<MemoryFile> content;
          for (int i = 0; i < files; ++i) {
            content.push_back({"d" + std::to_string(i % 2) + "/" + std::to_string(i), "x"});
          }
          const ObjectId commit = fixture.trees.commit(content);
          int left = place;
          FileCalls::watch([&](const FileCall& call) {
            return (call.name == "fsync" || call.name == "syncfs") && left-- == 0 ? error : 0;
          });
          bool failed = false;
          try {
            fixture.publish(commit);
          } catch (const Error& thrown) {
            EXPECT_EQ(thrown.error_class(), ErrorClass::storage);
            failed = true;
          }
          EXPECT_EQ(failed, left < 0) << "sync " << place;
          if (!failed) {
            EXPECT_GT(place, 5);
            break;
          }
          if (fs::exists(fixture.own() / "manifests")) {
            EXPECT_THAT(fixture.litter(), IsEmpty()) << "sync " << place;
          }
          fixture.publish(commit);
          EXPECT_THAT(not_durable(FileCalls::seen(), fixture.data_dir), IsEmpty())
              << "sync " << place << " of " << (first ? "the first" : "a later") << " publish of " << files << " files";
          EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
        }
      }
    }
  }
}

/// Each sync of a publish fails once; then a reload puts another publisher in the place of the one that knows.
TEST_F(FailingSync, IsRememberedBeyondAReload) {
  for (int place = 0;; ++place) {
    FileCalls::ignore();
    PublishFixture fixture(1, "sites/docs");
    fixture.publish(fixture.trees.commit({{"n", "1"}}));
    const ObjectId commit = fixture.trees.commit({{"n", "2"}, {"d/e", "deep"}});
    int left = place;
    FileCalls::watch(
        [&](const FileCall& call) { return (call.name == "fsync" || call.name == "syncfs") && left-- == 0 ? EIO : 0; });
    bool failed = false;
    try {
      fixture.publish(commit);
    } catch (const Error&) {
      failed = true;
    }
    if (!failed) {
      EXPECT_GT(place, 5);
      break;
    }
    fixture.publisher =
        publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "sites/docs", fixture.doubts);
    fixture.publish(commit);
    EXPECT_THAT(not_durable(FileCalls::seen(), fixture.data_dir), IsEmpty()) << "sync " << place;
  }
}

/// What was written before may be lost: EROFS comes from a volume that the kernel took away after an error.
TEST_F(FailingSync, WithAReadOnlyVolumeIsAnErrorUnlessNothingWasWritten) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  FileCalls::watch([](const FileCall& call) { return call.name == "fsync" ? EROFS : 0; });
  EXPECT_EQ(fixture.recover().commit, commit);
  EXPECT_THAT(error_of([&] { fixture.publish(commit); }).text(), HasSubstr("EROFS"));
  FileCalls::watch([](const FileCall& call) { return call.name == "fsync" ? EIO : 0; });
  EXPECT_EQ(error_of([&] { fixture.recover(); }).error_class(), ErrorClass::storage);
  const UniqueFd folder = open_directory(fixture.data_dir);
  FileCalls::watch(
      [&](const FileCall& call) { return call.name == "fsync" && call.path == fixture.data_dir.native() ? EROFS : 0; });
  EXPECT_THAT(error_of([&] { replace_file_at(folder.get(), "state", "x", 0600); }).text(), HasSubstr("EROFS"));
}

/// Any call of a publish fails once. No temporary stays, the link leads to a whole tree, and the next publish is good.
TEST_F(FailingSync, OrAnyOtherCallLeavesNoTemporaryFile) {
  for (int place = 0;; ++place) {
    PublishFixture fixture(1, "sites/docs");
    fixture.publish(fixture.trees.commit({{"n", "1"}}));
    const ObjectId commit =
        fixture.trees.commit({{"n", "2"}, {"d/e", "deep"}, {"d/l", "e", publish::EntryKind::symlink}});
    int left = place;
    std::string failing;
    FileCalls::watch([&](const FileCall& call) {
      if (call.name == "unlink" || call.name == "rmdir" || (call.name == "open" && !call.opens_for_writing())) {
        return 0;
      }
      if (left-- != 0) {
        return 0;
      }
      failing = call.name + " " + call.path;
      return ENOSPC;
    });
    bool failed = false;
    try {
      fixture.publish(commit);
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::storage) << failing;
      failed = true;
    }
    FileCalls::ignore();
    if (left >= 0) {
      EXPECT_GT(place, 15);
      break;
    }
    EXPECT_TRUE(failed) << failing;
    EXPECT_THAT(fixture.litter(), IsEmpty()) << failing;
    EXPECT_THAT(content(fixture.link / "n"), AnyOf("1", "2")) << failing;
    fixture.publish(commit);
    EXPECT_EQ(content(fixture.link / "n"), "2") << failing;
  }
}

TEST_F(FailingSync, OfFileSystemsWithoutRenameFlagsIsMadeUpForByALink) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  for (const int error : {EINVAL, ENOSYS}) {
    fs::remove(fixture.link);
    FileCalls::watch([&](const FileCall& call) { return call.name == "rename" && call.flags != 0 ? error : 0; });
    fixture.publish(commit);
    EXPECT_THAT(FileCalls::paths_of("link"), SizeIs(1));
    EXPECT_THAT(fixture.litter(), IsEmpty());
    EXPECT_EQ(content(fixture.link / "n"), "1");
    // And it replaces nothing that is not ours.
    fs::remove(fixture.link);
    FileCalls::watch([&](const FileCall& call) {
      if (call.name == "link") {
        write(fixture.link, "another's");
      }
      return call.name == "rename" && call.flags != 0 ? error : 0;
    });
    EXPECT_THAT(error_of([&] { fixture.publish(commit); }).text(), HasSubstr("something new"));
    EXPECT_THAT(fixture.litter(), IsEmpty());
    EXPECT_EQ(content(fixture.link), "another's");
  }
}

TEST_F(FailingSync, OfAnExchangeInTwoStepsPutsTheOldTreeBack) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}, {"m", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.tree(commit) / "m");
  int left = 1;
  FileCalls::watch([&](const FileCall& call) {
    if (call.name == "exchange") {
      return EINVAL;
    }
    return call.name == "rename" && call.to == fixture.tree(commit).native() && left-- > 0 ? EIO : 0;
  });
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::storage);
  EXPECT_EQ(content(fixture.link / "n"), "1");
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_FALSE(fixture.publish(commit).reused);
  EXPECT_EQ(content(fixture.link / "m"), "1");
}

TEST_F(FailingSync, OfTheTreesNamesLeavesNoneThatCountsAsComplete) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  fixture.publish(first);
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  EXPECT_EQ(fixture.recover().commit, first);
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(second); }).error_class(), ErrorClass::storage);
  EXPECT_FALSE(fixture.publish(second).reused);
  EXPECT_EQ(content(fixture.link / "n"), "2");
}

TEST_F(FailingSync, OfTheTreesNamesIsRememberedWhereTheRecordCannotBeRemoved) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  FileCalls::watch([](const FileCall& call) {
    const bool names = call.name == "fsync" && call.path.ends_with("/trees");
    return names || call.name == "unlink" ? EROFS : 0;
  });
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::storage);
  FileCalls::ignore();
  EXPECT_EQ(fixture.recover().damaged_commit, commit);
  EXPECT_EQ(error_of([&] { fixture.relink(commit); }).error_class(), ErrorClass::storage);
  EXPECT_FALSE(fixture.publish(commit).reused);
  EXPECT_TRUE(fixture.publish(commit).reused);
}

TEST_F(FailingSync, OfATreeWrittenAnewNeverLeavesTheLinkDangling) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  write(fixture.tree(commit) / "n", "other");
  fail_next("/trees");
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::storage);
  EXPECT_EQ(content(fixture.link / "n"), "1");
  EXPECT_FALSE(fixture.publish(commit).reused);
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST_F(FailingSync, OfFoldersThatCannotBeSyncedAtAllIsNoError) {
  FileCalls::watch(
      [](const FileCall& call) { return call.name == "fsync" && fs::is_directory(call.path) ? EINVAL : 0; });
  PublishFixture fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  const UniqueFd folder = open_directory(fixture.data_dir);
  replace_file_at(folder.get(), "state", "x", 0600);
  EXPECT_EQ(content(fixture.data_dir / "state"), "x");
}

}  // namespace
}  // namespace adapter::testing
