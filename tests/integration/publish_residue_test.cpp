// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"
#include "adapter/base/remove_tree.hpp"

namespace adapter::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Only root can give files to other users and groups.
bool is_root() {
  return geteuid() == 0;
}

constexpr uid_t adapters_user = 1000;

/// Runs `body` in a child of user 1000; root may remove everything.
template <class Body>
void as_adapters_user(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(adapters_user) != 0 || setuid(adapters_user) != 0) {
      _exit(2);
    }
    body();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

/// What a consumer that runs as root leaves in a tree.
void leave_cache(const fs::path& tree) {
  fs::create_directories(tree / "a/__pycache__");
  write(tree / "a/__pycache__/module.pyc", "x");
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    names.push_back(entry.path().filename().native());
  }
  return names;
}

/// Makes a directory, or with bytes a file, of the adapter's user.
void make_own(const fs::path& path, const char* bytes = nullptr) {
  if (bytes == nullptr) {
    fs::create_directory(path);
  } else {
    write(path, bytes);
  }
  ASSERT_EQ(lchown(path.c_str(), adapters_user, adapters_user), 0);
}

TEST(RemovalOfATree, GoesOnPastWhatAnotherUserKeeps) {
  if (!is_root()) {
    return;
  }
  const TemporaryFolder folder;
  const fs::path tree = folder.path() / "tree";
  ASSERT_EQ(chown(folder.path().c_str(), adapters_user, adapters_user), 0);
  for (const char* const path : {"", "a", "b", "b/c"}) {
    make_own(tree / path);
  }
  make_own(tree / "a/module.py", "x");
  make_own(tree / "b/c/file", "x");
  leave_cache(tree);
  constexpr uid_t others_user = 4242;
  ASSERT_EQ(chown((tree / "a/__pycache__").c_str(), others_user, others_user), 0);
  fs::create_directory(tree / "b/empty-of-another");
  as_adapters_user([&] {
    const UniqueFd parent = open_directory(folder.path());
    for (int attempt = 0; attempt < 2; ++attempt) {
      const Leftovers left = remove_what_may_go_at(parent.get(), "tree");
      EXPECT_EQ(left.entries, 4U) << "the file, its directory, its parent and the tree";
      EXPECT_EQ(left.path, "tree/a/__pycache__/module.pyc");
      EXPECT_EQ(left.error_number, EACCES);
      EXPECT_EQ(left.owner, others_user) << "of the directory";
    }
    EXPECT_THROW(remove_tree_at(parent.get(), "tree"), Error);
  });
  EXPECT_FALSE(fs::exists(tree / "b"));
  EXPECT_FALSE(fs::exists(tree / "a/module.py"));
  EXPECT_TRUE(fs::exists(tree / "a/__pycache__/module.pyc"));
}

TEST(RemovalOfATree, ReachesWhatIsDeepBesideWhatAnotherUserKeeps) {
  if (!is_root()) {
    return;
  }
  const TemporaryFolder folder;
  ASSERT_EQ(chown(folder.path().c_str(), adapters_user, adapters_user), 0);
  fs::path deep = folder.path() / "tree";
  make_own(deep);
  for (int i = 0; i < 150; ++i) {
    deep /= "d";
    make_own(deep);
  }
  leave_cache(folder.path() / "tree/d");
  leave_cache(deep);
  as_adapters_user([&] {
    const UniqueFd parent = open_directory(folder.path());
    const Leftovers left = remove_what_may_go_at(parent.get(), "tree");
    EXPECT_GE(left.entries, 8U);
    EXPECT_LT(left.entries, 80U) << "no directory stays that leads to nothing";
  });
}

class ResidueTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (!is_root()) {
      return;
    }
    ASSERT_EQ(chown(folder_.path().c_str(), adapters_user, adapters_user), 0);
  }

  [[nodiscard]] fs::path tree(int version) const {
    return folder_.path() / ".adapter/docs/trees" / commit(version).to_hex();
  }
  [[nodiscard]] fs::path residue() const { return folder_.path() / ".adapter/.residue/docs"; }

  static ObjectId commit(PublishFixture& fixture, int version) {
    return fixture.trees.commit({{"a/module.py", std::to_string(version)}, {"top", "x"}});
  }
  [[nodiscard]] ObjectId commit(int version) const {
    PublishFixture elsewhere(1);
    return commit(elsewhere, version);
  }

  /// Publishes a version and tidies up, as the daemon does; returns the count of entries that stay.
  std::uint64_t publish(int version) {
    int out[2] = {-1, -1};
    EXPECT_EQ(pipe(out), 0);
    as_adapters_user([&] {
      PublishFixture fixture(2, "docs", folder_.path());
      fixture.recover();
      fixture.publish(commit(fixture, version));
      const std::uint64_t entries = fixture.clean_up();
      EXPECT_EQ(::write(out[1], &entries, sizeof entries), static_cast<ssize_t>(sizeof entries));
    });
    std::uint64_t entries = ~std::uint64_t{0};
    EXPECT_EQ(read(out[0], &entries, sizeof entries), static_cast<ssize_t>(sizeof entries));
    close(out[0]);
    close(out[1]);
    return entries;
  }

  TemporaryFolder folder_;
};

TEST_F(ResidueTest, IsAllThatStaysOfATreeWithFilesOfAnotherUser) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  publish(2);
  EXPECT_EQ(publish(3), 4U) << "the file, its directory, and the two above";
  EXPECT_THAT(names_in(folder_.path() / ".adapter/docs/trees"), SizeIs(2));
  ASSERT_THAT(names_in(residue()), SizeIs(1));
  const fs::path left = residue() / names_in(residue()).front();
  EXPECT_TRUE(fs::exists(left / "a/__pycache__/module.pyc"));
  EXPECT_FALSE(fs::exists(left / "a/module.py"));
  EXPECT_FALSE(fs::exists(left / "top"));
  struct stat info{};
  ASSERT_EQ(stat(residue().parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

TEST_F(ResidueTest, DoesNotGrowWithPublishesThatLeaveNone) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  publish(2);
  for (int version = 3; version < 7; ++version) {
    EXPECT_EQ(publish(version), 4U);
    EXPECT_THAT(names_in(residue()), SizeIs(1));
    EXPECT_THAT(names_in(folder_.path() / ".adapter/docs/trees"), SizeIs(2));
  }
}

TEST_F(ResidueTest, GoesWhenItMayBeRemoved) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  publish(2);
  publish(3);
  const fs::path left = residue() / names_in(residue()).front();
  ASSERT_EQ(chown((left / "a/__pycache__").c_str(), adapters_user, adapters_user), 0);
  EXPECT_EQ(publish(4), 0U);
  EXPECT_FALSE(fs::exists(residue().parent_path()));
}

TEST_F(ResidueTest, StaysWhereItIsWhenItsRootIsAnotherUsersToo) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  ASSERT_EQ(chown(tree(1).c_str(), 0, 0), 0);
  publish(2);
  EXPECT_GT(publish(3), 4U);
  EXPECT_GT(publish(4), 4U);
  EXPECT_THAT(names_in(residue()), IsEmpty());
  EXPECT_THAT(names_in(folder_.path() / ".adapter/docs/trees"), SizeIs(3));
}

TEST_F(ResidueTest, IsCountedOnceHoweverOftenALookAtItIsInterrupted) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  publish(2);
  leave_cache(tree(2));
  ASSERT_EQ(chown(tree(2).c_str(), 0, 0), 0);
  publish(3);
  const std::uint64_t entries = publish(4);
  EXPECT_THAT(names_in(residue()), SizeIs(1));
  as_adapters_user([&] {
    publish::KnownResidue known;
    const auto never = [] { return false; };
    EXPECT_TRUE(publish::delete_old_trees(folder_.path(), "docs", known, never).complete);
    EXPECT_TRUE(publish::retry_residue(folder_.path(), "docs", known, never).complete);
    EXPECT_EQ(known.entries, entries);
    bool complete = false;
    for (int looks = 0; !complete; ++looks) {
      const auto give_up = [left = looks]() mutable { return left-- <= 0; };
      complete = publish::retry_residue(folder_.path(), "docs", known, give_up).complete;
      EXPECT_EQ(known.entries, entries) << "given up after " << looks << " looks";
      EXPECT_THAT(known.stuck, SizeIs(1));
    }
  });
}

TEST_F(ResidueTest, OfAPrunedRepositoryKeepsNothingElse) {
  if (!is_root()) {
    return;
  }
  publish(1);
  leave_cache(tree(1));
  publish::KnownResidue known;
  as_adapters_user([&] {
    PublishFixture fixture(2, "docs", folder_.path());
    wait_for(fixture.publisher->retire_all(at_once));
    EXPECT_TRUE(delete_retired(folder_.path(), known).complete);
  });
  EXPECT_THAT(names_in(folder_.path() / ".adapter"), ::testing::ElementsAre(".residue"));
  const std::filesystem::path pruned = folder_.path() / ".adapter/.residue/.pruned";
  EXPECT_THAT(names_in(pruned), SizeIs(1));
  delete_retired(folder_.path(), known);  // root could remove it, and does not look
  EXPECT_THAT(names_in(pruned), SizeIs(1));
  delete_retired(folder_.path(), known, true);
  EXPECT_FALSE(std::filesystem::exists(pruned));
  EXPECT_EQ(known.entries, 0U);
}

/// Readers lock what they read.
TEST(LockOfAConsumer, KeepsNothingOnTheVolume) {
  for (const int operation : {LOCK_SH, LOCK_EX}) {
    PublishFixture fixture;
    std::vector<UniqueFd> opened;
    const auto lock = [&](const fs::path& path) {
      opened.emplace_back(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      EXPECT_EQ(flock(opened.back().get(), operation | LOCK_NB), 0);
    };
    for (int number = 1; number < 5; ++number) {
      const ObjectId commit = fixture.trees.commit({{"n", std::to_string(number)}});
      fixture.publish(commit);
      lock(fixture.tree(commit));
      EXPECT_EQ(fixture.clean_up(), 0U);
    }
    EXPECT_THAT(names_in(fixture.own() / "trees"), SizeIs(2));
    lock(fixture.own());
    wait_for(fixture.publisher->retire_all(at_once));
    EXPECT_TRUE(delete_retired(fixture.data_dir).complete);
    EXPECT_THAT(names_in(fixture.data_dir / ".adapter"), IsEmpty());
  }
}

}  // namespace
}  // namespace adapter::testing
