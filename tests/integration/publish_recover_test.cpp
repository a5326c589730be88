// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <functional>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::Outcome;
using publish::Standing;
using store::EntryKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<MemoryFile> tree_files() {
  return {{"README", "hello\n"},
          {"a/one", "1111"},
          {"a/two", "2222"},
          {"a/b/three", "3333"},
          {"latest", "a/b", EntryKind::symlink}};
}

void restore_times(const fs::path& path, const struct stat& before) {
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

// ---- trees that somebody edited ----

struct Edit {
  const char* what;
  std::function<void(const fs::path& tree)> apply;
};

std::vector<Edit> edits() {
  return {
      {"other bytes of the same size, time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat((tree / "a/one").c_str(), &before), 0);
         write(tree / "a/one", "XXXX");
         restore_times(tree / "a/one", before);
       }},
      {"longer", [](const fs::path& tree) { write(tree / "a/one", "11111"); }},
      {"one added", [](const fs::path& tree) { write(tree / "a/new", "x"); }},
      {"one added at the top", [](const fs::path& tree) { write(tree / "new", "x"); }},
      {"one added, the folder's time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat((tree / "a").c_str(), &before), 0);
         write(tree / "a/new", "x");
         restore_times(tree / "a", before);
       }},
      {"one added at the top, the time put back",
       [](const fs::path& tree) {
         struct stat before{};
         ASSERT_EQ(stat(tree.c_str(), &before), 0);
         write(tree / "new", "x");
         restore_times(tree, before);
       }},
      {"one removed", [](const fs::path& tree) { fs::remove(tree / "a/two"); }},
      {"a folder removed", [](const fs::path& tree) { fs::remove_all(tree / "a"); }},
      {"a folder renamed", [](const fs::path& tree) { fs::rename(tree / "a/b", tree / "a/c"); }},
      {"other mode", [](const fs::path& tree) { chmod((tree / "README").c_str(), 0600); }},
      {"other mode of a folder", [](const fs::path& tree) { chmod((tree / "a").c_str(), 0700); }},
      {"other mode of the root", [](const fs::path& tree) { chmod(tree.c_str(), 0777); }},
      {"a file replaced by a link to the same bytes",
       [](const fs::path& tree) {
         fs::rename(tree / "README", tree.parent_path() / "elsewhere");
         fs::create_symlink("../elsewhere", tree / "README");
       }},
      {"a file replaced by a folder",
       [](const fs::path& tree) {
         fs::remove(tree / "README");
         fs::create_directory(tree / "README");
       }},
      {"a file replaced by a pipe",
       [](const fs::path& tree) {
         fs::remove(tree / "README");
         ASSERT_EQ(mkfifo((tree / "README").c_str(), 0644), 0);
       }},
      {"a folder replaced by a link",
       [](const fs::path& tree) {
         fs::rename(tree / "a/b", tree / "a/c");
         fs::create_symlink("c", tree / "a/b");
       }},
      {"a link that leads elsewhere",
       [](const fs::path& tree) {
         fs::remove(tree / "latest");
         fs::create_symlink("a/c", tree / "latest");
       }},
      {"a touched folder", [](const fs::path& tree) { utimensat(AT_FDCWD, (tree / "a/b").c_str(), nullptr, 0); }},
      {"a touched root", [](const fs::path& tree) { utimensat(AT_FDCWD, tree.c_str(), nullptr, 0); }},
      {"the whole tree removed", [](const fs::path& tree) { fs::remove_all(tree); }},
      {"the tree replaced by a file",
       [](const fs::path& tree) {
         fs::remove_all(tree);
         write(tree, "x");
       }},
  };
}

void expect_as_committed(const PublishFixture& fixture, const char* what) {
  EXPECT_EQ(content(fixture.link / "README"), "hello\n") << what;
  EXPECT_EQ(content(fixture.link / "a/one"), "1111") << what;
  EXPECT_EQ(content(fixture.link / "a/two"), "2222") << what;
  EXPECT_EQ(content(fixture.link / "latest/three"), "3333") << what;
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(fixture.link / "README"))) << what;
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(fixture.link), fs::recursive_directory_iterator()), 7)
      << what;
}

TEST(EditedTree, IsFoundAtStartAndWrittenAnew) {
  for (const Edit& edit : edits()) {
    PublishFixture fixture;
    const ObjectId commit = fixture.objects.commit(tree_files());
    fixture.publish(commit);
    ASSERT_EQ(fixture.recover().commit, commit) << edit.what;
    edit.apply(fixture.tree(commit));
    const Standing standing = fixture.recover();
    EXPECT_EQ(standing.commit, std::nullopt) << edit.what;
    EXPECT_FALSE(standing.damage.empty()) << edit.what;
    EXPECT_EQ(standing.damaged_commit, commit) << edit.what;
    const Outcome outcome = fixture.publish(commit);
    EXPECT_TRUE(outcome.changed) << edit.what;
    EXPECT_FALSE(outcome.reused) << edit.what;
    expect_as_committed(fixture, edit.what);
    EXPECT_EQ(fixture.recover().commit, commit) << edit.what;
    EXPECT_THAT(fixture.litter(), IsEmpty()) << edit.what;
  }
}

TEST(EditedTree, IsFoundAtTheNextPublish) {
  PublishFixture fixture;
  const ObjectId first = fixture.objects.commit(tree_files());
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  fixture.publish(first);
  write(fixture.tree(first) / "a/one", "XXXX");
  EXPECT_EQ(fixture.publish(second).previous, std::nullopt);
  const Outcome back = fixture.publish(first);
  EXPECT_FALSE(back.reused);
  EXPECT_EQ(back.previous, second);
  expect_as_committed(fixture, "rollback");
}

TEST(EditedTree, WithoutARecordCountsAsDamaged) {
  for (const bool damaged : {false, true}) {
    PublishFixture fixture;
    const ObjectId commit = fixture.objects.commit(tree_files());
    fixture.publish(commit);
    const fs::path record = fixture.own() / "manifests" / commit.to_hex();
    if (damaged) {
      std::string bytes = content(record);
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      write(record, bytes);
    } else {
      fs::remove(record);
    }
    const Standing standing = fixture.recover();
    EXPECT_THAT(standing.damage, HasSubstr("record"));
    EXPECT_EQ(standing.damaged_commit, commit);
    EXPECT_FALSE(fixture.publish(commit).reused);
    expect_as_committed(fixture, "record");
  }
}

// ---- recovery ----

TEST(Recover, FindsNothingWhereNothingWasPublished) {
  PublishFixture fixture;
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.commit, std::nullopt);
  EXPECT_EQ(standing.damaged_commit, std::nullopt);
  EXPECT_THAT(standing.damage, IsEmpty());
  EXPECT_TRUE(fs::is_empty(fixture.data_dir));
}

TEST(Recover, NamesBothTrees) {
  PublishFixture fixture;
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  fixture.publish(first);
  fixture.publish(second);
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.commit, second);
  EXPECT_EQ(standing.previous, first);
  EXPECT_EQ(standing.symlinks, SymlinkPolicy::inside);
}

TEST(Recover, SweepsLitterOfDeadRuns) {
  PublishFixture fixture;
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::create_directories(fixture.own() / "trees/.tmp-0123/a/b");
  write(fixture.own() / "trees/.tmp-0123/a/b/c", "x");
  fs::create_directories(fixture.own() / "trees/.gone-0123/a");
  fs::permissions(fixture.own() / "trees/.gone-0123/a", fs::perms::none);
  fs::create_symlink("trees/x", fixture.own() / ".link-0123");
  write(fixture.own() / "manifests/.tmp-0123", "x");
  write(fixture.own() / "manifests" / std::string(40, 'a'), "x");
  const ObjectId half = *ObjectId::from_hex(std::string(40, 'b'));
  fs::create_directories(fixture.tree(half));
  write(fixture.own() / "trees/notes.txt", "mine");
  EXPECT_EQ(fixture.recover().commit, commit);
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_FALSE(fs::exists(fixture.own() / "manifests" / std::string(40, 'a')));
  EXPECT_FALSE(fs::exists(fixture.tree(half)));
  EXPECT_EQ(content(fixture.own() / "trees/notes.txt"), "mine");
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST(Recover, SaysWhenTheLinkIsMissingAndRelinkPutsItBack) {
  PublishFixture fixture;
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.link);
  EXPECT_FALSE(fixture.publisher->link_is_intact(commit));
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.commit, std::nullopt);
  EXPECT_EQ(standing.damage, "the link is missing");
  EXPECT_EQ(standing.damaged_commit, commit);
  wait_for(fixture.publisher->relink(commit));
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

TEST(Recover, RelinkRefusesATreeThatIsNotComplete) {
  PublishFixture fixture;
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  EXPECT_EQ(error_of([&] { wait_for(fixture.publisher->relink(commit)); }).error_class(), ErrorClass::storage);
  fixture.publish(commit);
  write(fixture.tree(commit) / "n", "2");
  EXPECT_THAT(error_of([&] { wait_for(fixture.publisher->relink(commit)); }).text(), HasSubstr("published again"));
}

TEST(Recover, TheLinkOfAnotherCommitIsNotIntact) {
  PublishFixture fixture;
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  fixture.publish(first);
  fixture.publish(second);
  EXPECT_FALSE(fixture.publisher->link_is_intact(first));
  fs::remove_all(fixture.tree(second));
  EXPECT_FALSE(fixture.publisher->link_is_intact(second));
  const Standing standing = fixture.recover();
  EXPECT_EQ(standing.damage, "the tree is missing");
  EXPECT_EQ(standing.damaged_commit, second);
  EXPECT_EQ(standing.previous, first);
}

TEST(Recover, HealsALinkIntoOurTreesThatNamesNoCommit) {
  PublishFixture fixture;
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.link);
  fs::create_symlink(".adapter/docs/trees/garbage", fixture.link);
  EXPECT_EQ(fixture.recover().damaged_commit, commit);
  EXPECT_TRUE(fixture.publish(commit).reused);
  EXPECT_TRUE(fixture.publisher->link_is_intact(commit));
}

TEST(RemoveAll, TakesLinkAndTreesAndNothingElse) {
  PublishFixture fixture;
  fixture.publish(fixture.objects.commit({{"n", "1"}}));
  write(fixture.data_dir / "other", "mine");
  fs::create_directories(fixture.data_dir / ".adapter/wiki/trees");
  wait_for(fixture.publisher->remove_all());
  EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.link)));
  EXPECT_FALSE(fs::exists(fixture.own()));
  EXPECT_TRUE(fs::exists(fixture.data_dir / ".adapter/wiki/trees"));
  EXPECT_EQ(content(fixture.data_dir / "other"), "mine");
  wait_for(fixture.publisher->remove_all());
}

// ---- the link's path ----

TEST(LinkPath, SomethingForeignIsAnErrorAndStays) {
  const std::vector<std::pair<const char*, std::function<void(const fs::path&)>>> things = {
      {"a folder", [](const fs::path& path) { fs::create_directory(path); }},
      {"a folder", [](const fs::path& path) { fs::create_directories(path / "precious"); }},
      {"a file", [](const fs::path& path) { write(path, "precious"); }},
      {"a symbolic link", [](const fs::path& path) { fs::create_symlink("/etc", path); }},
      {"a symbolic link", [](const fs::path& path) { fs::create_symlink("nowhere", path); }},
      {"a symbolic link", [](const fs::path& path) { fs::create_symlink(".adapter/other/trees/x", path); }},
      {"a symbolic link", [](const fs::path& path) { fs::create_symlink(".adapter/docs/trees/../x", path); }},
      {"a symbolic link", [](const fs::path& path) { fs::create_symlink(".adapter/docs/trees/", path); }},
      {"a special file", [](const fs::path& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); }},
  };
  for (const auto& [what, make] : things) {
    PublishFixture fixture;
    const ObjectId commit = fixture.objects.commit({{"n", "1"}});
    make(fixture.link);
    struct stat before{};
    ASSERT_EQ(lstat(fixture.link.c_str(), &before), 0);
    for (const Error& error : {error_of([&] { fixture.publish(commit); }), error_of([&] { fixture.recover(); }),
                               error_of([&] { static_cast<void>(fixture.publisher->link_is_intact(commit)); })}) {
      EXPECT_EQ(error.error_class(), ErrorClass::storage) << what;
      EXPECT_THAT(error.text(), HasSubstr(what));
      EXPECT_THAT(error.text(), HasSubstr(fixture.link.native()));
    }
    struct stat after{};
    ASSERT_EQ(lstat(fixture.link.c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino) << what;
    wait_for(fixture.publisher->remove_all());
    EXPECT_EQ(lstat(fixture.link.c_str(), &after), 0) << what;
  }
}

TEST(LinkPath, MayLieInFoldersThatAreMade) {
  PublishFixture fixture(2, "sites/public/docs");
  const ObjectId first = fixture.objects.commit({{"n", "1"}});
  const ObjectId second = fixture.objects.commit({{"n", "2"}});
  fixture.publish(first);
  EXPECT_EQ(fs::read_symlink(fixture.link), "../../.adapter/docs/trees/" + first.to_hex());
  EXPECT_EQ(content(fixture.link / "n"), "1");
  struct stat info{};
  ASSERT_EQ(stat((fixture.data_dir / "sites/public").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0755U);
  fixture.publish(second);
  EXPECT_EQ(content(fixture.link / "n"), "2");
  EXPECT_TRUE(fixture.publisher->link_is_intact(second));
  EXPECT_EQ(fixture.recover().commit, second);
  EXPECT_EQ(std::distance(fs::directory_iterator(fixture.link.parent_path()), fs::directory_iterator()), 1);
}

TEST(LinkPath, SomethingElseOnTheWayIsAnError) {
  for (const bool link : {false, true}) {
    TemporaryFolder outside;
    PublishFixture fixture(2, "sites/docs");
    if (link) {
      fs::create_directory_symlink(outside.path(), fixture.data_dir / "sites");
    } else {
      write(fixture.data_dir / "sites", "precious");
    }
    const ObjectId commit = fixture.objects.commit({{"n", "1"}});
    const Error error = error_of([&] { fixture.publish(commit); });
    EXPECT_EQ(error.error_class(), ErrorClass::storage);
    EXPECT_THAT(error.text(), HasSubstr("sites on the way is not a folder"));
    EXPECT_TRUE(fs::is_empty(outside.path()));
  }
}

TEST(LinkPath, TheAdaptersOwnFolderIsNotFollowedElsewhere) {
  TemporaryFolder outside;
  PublishFixture fixture;
  fs::create_directory(fixture.data_dir / ".adapter");
  fs::create_directory_symlink(outside.path(), fixture.data_dir / ".adapter/docs");
  const ObjectId commit = fixture.objects.commit({{"n", "1"}});
  EXPECT_EQ(error_of([&] { fixture.publish(commit); }).error_class(), ErrorClass::storage);
  EXPECT_TRUE(fs::is_empty(outside.path()));
}

// ---- the lock ----

TEST(DataDirectoryLock, MakesTheFoldersAndNamesItsHolder) {
  TemporaryFolder folder;
  const fs::path data_dir = folder.path() / "new/data";
  {
    const publish::DataDirectoryLock lock(data_dir);
    EXPECT_EQ(content(data_dir / ".adapter/.lock"), std::to_string(getpid()) + "\n");
    try {
      const publish::DataDirectoryLock second(data_dir);
      FAIL() << "locked twice";
    } catch (const publish::DirectoryBusy& busy) {
      EXPECT_EQ(busy.error_class(), ErrorClass::storage);
      EXPECT_THAT(busy.text(), HasSubstr("process " + std::to_string(getpid())));
      EXPECT_THAT(busy.text(), HasSubstr(data_dir.native()));
    }
  }
  const publish::DataDirectoryLock again(data_dir);
}

TEST(DataDirectoryLock, IsFreeWhenItsHolderIsKilled) {
  TemporaryFolder folder;
  int ready[2] = {-1, -1};
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const publish::DataDirectoryLock lock(folder.path());
    static_cast<void>(!::write(ready[1], "x", 1));
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_THROW(publish::DataDirectoryLock{folder.path()}, publish::DirectoryBusy);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const publish::DataDirectoryLock lock(folder.path());
  close(ready[0]);
  close(ready[1]);
}

TEST(DataDirectoryLock, SaysWhoMayNotWriteWhereAndWhatToDo) {
  TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  int out[2] = {-1, -1};
  ASSERT_EQ(pipe(out), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) {
      _exit(1);
    }
    std::string text = "no error";
    try {
      const publish::DataDirectoryLock lock(folder.path());
    } catch (const Error& error) {
      text = error.text();
    }
    static_cast<void>(!::write(out[1], text.data(), text.size()));
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  std::string text(4096, '\0');
  const ssize_t size = read(out[0], text.data(), text.size());
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const uid_t uid = geteuid() == 0 ? 65534 : geteuid();
  EXPECT_THAT(text, HasSubstr("cannot write to " + folder.path().native() + " as user " + std::to_string(uid)));
  EXPECT_THAT(text, HasSubstr("belongs to user " + std::to_string(geteuid())));
  EXPECT_THAT(text, HasSubstr("mode 0555"));
  EXPECT_THAT(text, HasSubstr("chown"));
  EXPECT_THAT(text, HasSubstr("fsGroup"));
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  close(out[0]);
  close(out[1]);
}

}  // namespace
}  // namespace adapter::testing
