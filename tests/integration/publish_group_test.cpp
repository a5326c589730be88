// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"
#include "blob_hash.hpp"
#include "folder.hpp"

namespace {

/// What fchmod answers, where it is not 0.
std::atomic<int> chmod_failure{0};

}  // namespace

extern "C" int fchmod(int fd, mode_t mode) {
  if (chmod_failure != 0) {
    errno = chmod_failure;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fchmod, fd, mode));
}

namespace adapter::testing {
namespace {

using publish::EntryKind;
using publish::PublishOptions;
using ::testing::HasSubstr;

/// Only root can give files to other users and groups.
bool is_root() {
  return geteuid() == 0;
}

constexpr uid_t adapters_user = 1000;
constexpr gid_t volumes_group = 4711;
constexpr uid_t readers_user = 2000;

const std::vector<MemoryFile> group_files = {
    {"run", "#!", EntryKind::executable}, {"a/b/file", "bytes"}, {"a/link", "b/file", EntryKind::symlink}};

/// Exit 0 when all expectations of `body` held, run by another user with these groups.
template <class Body>
int as_user(uid_t user, gid_t group, const std::vector<gid_t>& groups, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(groups.size(), groups.data()) != 0 || setgid(group) != 0 || setuid(user) != 0) {
      _exit(2);
    }
    body();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

PublishOptions for_the_group() {
  PublishOptions options;
  options.share = Share::group;
  return options;
}

/// Calls `visit` with each path of a tree, its root first.
template <class Visit>
void each_of(const fs::path& tree, Visit visit) {
  visit(tree);
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    visit(entry.path());
  }
}

struct stat look_at(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info;
}

/// A volume as a kubelet prepares it for `fsGroup`: root directory of the group, setgid, writable for it.
class GroupVolume : public ::testing::Test {
protected:
  void SetUp() override {
    if (!is_root()) {
      return;
    }
    ASSERT_EQ(chown(folder_.path().c_str(), 0, volumes_group), 0);
    ASSERT_EQ(chmod(folder_.path().c_str(), 02775), 0);
  }

  TemporaryFolder folder_;
};

TEST_F(GroupVolume, HandsItsGroupToAllOfATree) {
  if (!is_root()) {
    return;
  }
  ASSERT_EQ(as_user(adapters_user, adapters_user, {volumes_group},
                    [&] {
                      PublishFixture fixture(2, "docs", folder_.path());
                      fixture.publish(fixture.trees.commit(group_files), for_the_group());
                    }),
            0);
  each_of(fs::canonical(folder_.path() / "docs"), [](const fs::path& path) {
    const struct stat info = look_at(path);
    EXPECT_EQ(info.st_gid, volumes_group) << path;
    if (!S_ISLNK(info.st_mode)) {
      EXPECT_EQ(info.st_mode & 07777U, S_ISDIR(info.st_mode) || path.filename() == "run" ? 0750U : 0640U) << path;
    }
  });
  EXPECT_EQ(as_user(readers_user, readers_user, {volumes_group},
                    [&] {
                      EXPECT_EQ(content(folder_.path() / "docs/a/link"), "bytes");
                      EXPECT_EQ(content(folder_.path() / "docs/run"), "#!");
                    }),
            0);
  EXPECT_EQ(as_user(readers_user, readers_user, {}, [&] { EXPECT_EQ(content(folder_.path() / "docs/run"), ""); }), 0);
}

TEST_F(GroupVolume, SaysOnceThatItsGroupCannotBeGiven) {
  if (!is_root()) {
    return;
  }
  ASSERT_EQ(chmod(folder_.path().c_str(), 02777), 0);
  EXPECT_EQ(as_user(adapters_user, adapters_user, {},
                    [&] {
                      PublishFixture fixture(2, "docs", folder_.path());
                      ::testing::internal::CaptureStderr();
                      fixture.publish(fixture.trees.commit(group_files), for_the_group());
                      fixture.publish(fixture.trees.commit({{"n", "2"}}), for_the_group());
                      const std::string said = ::testing::internal::GetCapturedStderr();
                      EXPECT_THAT(said, HasSubstr("supplementalGroups"));
                      EXPECT_EQ(said.find("group_not_set"), said.rfind("group_not_set"));
                    }),
            0);
}

TEST_F(GroupVolume, RootOfAContainerWithoutCapabilitiesKeepsItsTrees) {
  const auto without_capabilities = [&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    ASSERT_EQ(syscall(SYS_capset, &header, none.data()), 0);
    PublishFixture fixture(2, "docs", folder_.path());
    const ObjectId commit = fixture.trees.commit(group_files);
    fixture.publish(commit, for_the_group());
    EXPECT_FALSE(fixture.recover().lacks_group);
    EXPECT_TRUE(fixture.publish(commit, for_the_group()).reused);
  };
  if (is_root()) {
    EXPECT_EQ(as_user(0, 0, {}, without_capabilities), 0);
  }
}

TEST_F(GroupVolume, ATreeWithoutItsGroupIsWrittenAnewOnceTheGroupCanBeGiven) {
  if (!is_root()) {
    return;
  }
  ASSERT_EQ(chmod(folder_.path().c_str(), 02777), 0);
  ObjectId commit;
  const auto start = [&](const std::vector<gid_t>& groups, bool can_give) {
    return as_user(adapters_user, adapters_user, groups, [&] {
      PublishFixture fixture(2, "docs", folder_.path());
      commit = fixture.trees.commit(group_files);
      ::testing::internal::CaptureStderr();
      const publish::Standing found = fixture.recover();
      if (found.commit) {
        EXPECT_EQ(found.commit, commit);
        EXPECT_EQ(found.lacks_group, can_give);
        EXPECT_EQ(fixture.publish(commit, for_the_group()).reused, !can_give);
        EXPECT_FALSE(fixture.recover().lacks_group);
      } else {
        fixture.publish(commit, for_the_group());
      }
      const std::string said = ::testing::internal::GetCapturedStderr();
      EXPECT_EQ(said.find("group_not_set") != std::string::npos, !can_give) << said;
    });
  };
  EXPECT_EQ(start({}, false), 0);
  EXPECT_EQ(start({}, false), 0) << "the warning stays with each start";
  EXPECT_EQ(start({volumes_group}, true), 0);
  each_of(fs::canonical(folder_.path() / "docs"),
          [](const fs::path& path) { EXPECT_EQ(look_at(path).st_gid, volumes_group) << path; });
}

/// As a kubelet does it at each start of a pod with `fsGroup`.
void apply_fs_group(const fs::path& volume) {
  each_of(volume, [](const fs::path& path) {
    const struct stat info = look_at(path);
    ASSERT_EQ(lchown(path.c_str(), static_cast<uid_t>(-1), volumes_group + 1), 0);
    if (!S_ISLNK(info.st_mode)) {
      const mode_t more = S_ISDIR(info.st_mode) ? 02770 : 0660;
      ASSERT_EQ(chmod(path.c_str(), (info.st_mode & 07777U) | more), 0);
    }
  });
}

ObjectId git_blob_id(std::string_view bytes) {
  const UniqueFd file(memfd_create("blob", MFD_CLOEXEC));
  write_all(file.get(), bytes, "blob");
  return publish::blob_id_of(file.get(), bytes.size(), {}).value();
}

/// A repository on the volume whose files have the ids that git gives them.
struct GitFixture : PublishFixture {
  explicit GitFixture(const fs::path& where, const std::string& link_path = "docs")
      : PublishFixture(2, link_path, where) {
    trees.blob_id = git_blob_id;
  }
  publish::PublishResult publish(const ObjectId& commit) { return PublishFixture::publish(commit, for_the_group()); }
};

TEST_F(GroupVolume, ItsRecursiveChgrpAndChmodAreNoEdit) {
  if (!is_root()) {
    return;
  }
  GitFixture fixture(folder_.path());
  const ObjectId first = fixture.trees.commit(group_files);
  fixture.publish(first);
  for (int start = 0; start < 2; ++start) {
    apply_fs_group(folder_.path());
    const struct stat before = look_at(fixture.tree(first) / "a/b/file");
    EXPECT_EQ(fixture.recover().commit, first);
    EXPECT_TRUE(fixture.publish(first).reused);
    const struct stat after = look_at(fixture.tree(first) / "a/b/file");
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec) << "nothing is written";
  }
}

TEST_F(GroupVolume, IsReadOnlyOnceAfterItsRecursiveChgrp) {
  if (!is_root()) {
    return;
  }
  GitFixture fixture(folder_.path());
  const ObjectId commit = fixture.trees.commit(group_files);
  fixture.publish(commit);
  apply_fs_group(folder_.path());
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(fixture.recover().commit, commit);
  EXPECT_EQ(fixture.recover().commit, commit);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("record_refreshed"), std::string::npos);
  EXPECT_EQ(said.find("record_refreshed"), said.rfind("record_refreshed"));
}

TEST_F(GroupVolume, AnEditUnderARecursiveChgrpIsFound) {
  if (!is_root()) {
    return;
  }
  GitFixture fixture(folder_.path());
  const ObjectId commit = fixture.trees.commit(group_files);
  fixture.publish(commit);
  const fs::path file = fixture.tree(commit) / "a/b/file";
  const struct stat before = look_at(file);
  write(file, "BYTES");
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  apply_fs_group(folder_.path());
  EXPECT_EQ(fixture.recover().damaged_commit, commit);
  EXPECT_FALSE(fixture.publish(commit).reused);
  EXPECT_EQ(content(fixture.link / "a/b/file"), "bytes");
}

TEST_F(GroupVolume, PermissionsTakenFromTheGroupOrGivenToOthersAreEdits) {
  if (!is_root()) {
    return;
  }
  for (const mode_t mode : {0600U, 0642U, 0740U}) {
    GitFixture fixture(folder_.path(), "docs" + std::to_string(mode));
    const ObjectId commit = fixture.trees.commit(group_files);
    fixture.publish(commit);
    ASSERT_EQ(chmod((fixture.tree(commit) / "a/b/file").c_str(), mode), 0);
    EXPECT_FALSE(fixture.publish(commit).reused) << std::oct << mode;
  }
}

TEST_F(GroupVolume, AnotherOwnerIsAnEdit) {
  if (!is_root()) {
    return;
  }
  GitFixture fixture(folder_.path());
  const ObjectId commit = fixture.trees.commit(group_files);
  fixture.publish(commit);
  ASSERT_EQ(chown((fixture.tree(commit) / "a/b/file").c_str(), readers_user, static_cast<gid_t>(-1)), 0);
  EXPECT_FALSE(fixture.publish(commit).reused);
}

class NoChmod : public ::testing::Test {
protected:
  void TearDown() override { chmod_failure = 0; }
};

/// A file with this mode.
UniqueFd file_with(const TemporaryFolder& folder, mode_t mode) {
  const fs::path path = folder.path() / "file";
  fs::remove(path);
  write(path, "x");
  EXPECT_EQ(chmod(path.c_str(), mode), 0);
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

TEST_F(NoChmod, IsNoErrorWhereTheModeSuffices) {
  const TemporaryFolder folder;
  const UniqueFd file = file_with(folder, 0777);
  for (const int failure : {EPERM, EACCES, EOPNOTSUPP, ENOSYS}) {
    chmod_failure = failure;
    EXPECT_EQ(publish::finish_with_mode(file.get(), 0644, "a", "file").st_mode & 07777U, 0777U);
    EXPECT_NO_THROW(publish::set_mode(file.get(), 0, 0750, "a/file")) << "without knowing the mode";
  }
}

TEST_F(NoChmod, IsAnErrorWhereReadersWouldBeLockedOut) {
  const TemporaryFolder folder;
  const UniqueFd file = file_with(folder, 0640);
  chmod_failure = EPERM;
  const Error error = error_of([&] { publish::set_mode(file.get(), 0640, 0644, "a/file"); });
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(error.text(), HasSubstr("cannot set the mode of a/file: Operation not permitted"));
}

TEST_F(NoChmod, OtherFailuresAreErrors) {
  const TemporaryFolder folder;
  const UniqueFd file = file_with(folder, 0777);
  chmod_failure = EROFS;
  EXPECT_EQ(error_of([&] { publish::set_mode(file.get(), 0777, 0644, "a/file"); }).error_class(), ErrorClass::storage);
}

}  // namespace
}  // namespace adapter::testing
