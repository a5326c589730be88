// SPDX-License-Identifier: Apache-2.0
#include "adapter/publish/data_directory_lock.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::DataDirectoryLock;
using publish::DirectoryBusy;
using publish::DirectoryState;
using publish::LockAttempt;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// Regular files of a directory that this process holds open.
std::vector<std::string> open_files(const fs::path& below) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const fs::path target = fs::read_symlink(entry.path(), ignored);
    if (target.native().starts_with(below.native()) && fs::is_regular_file(target, ignored)) {
      found.push_back(target.native());
    }
  }
  return found;
}

/// What version 0.1.0 does: locks the file `.lock`, then .adapter, and keeps both. Empty when it finds one taken.
struct FirstVersion {
  UniqueFd directory;
  UniqueFd file;
  static std::unique_ptr<FirstVersion> start(const fs::path& data_dir) {
    auto held = std::make_unique<FirstVersion>();
    fs::create_directories(data_dir / ".adapter");
    held->directory = open_directory(data_dir / ".adapter");
    held->file = UniqueFd(open((data_dir / ".adapter/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    const bool free =
        flock(held->file.get(), LOCK_EX | LOCK_NB) == 0 && flock(held->directory.get(), LOCK_EX | LOCK_NB) == 0;
    return free ? std::move(held) : nullptr;
  }
};

/// A lock that a process that may read `folder` can take.
UniqueFd lock_as_a_consumer(const fs::path& folder, int operation) {
  UniqueFd held(open(folder.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(flock(held.get(), operation | LOCK_NB), 0);
  return held;
}

class LockOfTheDataDirectory : public ::testing::Test {
protected:
  void TearDown() override { FileCalls::ignore(); }
  TemporaryFolder folder;
  fs::path data_dir = folder.path() / "data";
};

TEST_F(LockOfTheDataDirectory, KeepsNoFileOpenAndNamesItsHolder) {
  const DataDirectoryLock lock(data_dir);
  EXPECT_THAT(open_files(data_dir), IsEmpty());
  EXPECT_THAT(content(data_dir / ".adapter/.lock"), StartsWith(std::to_string(getpid()) + "\nowner "));
  EXPECT_THAT(error_of([&] { DataDirectoryLock{data_dir}; }).text(), HasSubstr("process " + std::to_string(getpid())));
}

TEST_F(LockOfTheDataDirectory, ExcludesASecondOneWhateverIsRemoved) {
  {
    const DataDirectoryLock lock(data_dir);
    fs::remove(data_dir / ".adapter/.lock");
    EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
    fs::remove_all(data_dir / ".adapter");
    EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
    fs::create_directories(data_dir / ".adapter");
    EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
  }
  const DataDirectoryLock again(data_dir);
}

TEST_F(LockOfTheDataDirectory, ExcludesVersion010InEitherOrder) {
  {
    const auto first = FirstVersion::start(data_dir);
    ASSERT_TRUE(first);
    EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
  }
  {
    const DataDirectoryLock lock(data_dir);
    EXPECT_FALSE(FirstVersion::start(data_dir));
  }
  // Where that version could not lock directories it relies on its file alone.
  const UniqueFd file(open((data_dir / ".adapter/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(flock(file.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
  // It locks its file for a moment also where it then finds the directory locked: that is waited for.
  std::thread moment([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    flock(file.get(), LOCK_UN);
  });
  EXPECT_NO_THROW(DataDirectoryLock{data_dir});
  moment.join();
}

TEST_F(LockOfTheDataDirectory, IsTakenAlthoughAConsumerLocksTheDirectories) {
  {
    const DataDirectoryLock first(data_dir);
  }
  for (const int operation : {LOCK_SH, LOCK_EX}) {
    for (const bool on_data : {true, false}) {
      for (const bool on_own : {true, false}) {
        UniqueFd data = on_data ? lock_as_a_consumer(data_dir, operation) : UniqueFd();
        UniqueFd own = on_own ? lock_as_a_consumer(data_dir / ".adapter", operation) : UniqueFd();
        DataDirectoryLock lock(data_dir);
        EXPECT_EQ(open_files(data_dir).size(), on_data || on_own ? 1U : 0U) << "its file is held instead";
        EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
        EXPECT_FALSE(FirstVersion::start(data_dir));
        EXPECT_EQ(lock.renew(), DirectoryState::held);
        data.reset();
        own.reset();
        EXPECT_EQ(lock.renew(), DirectoryState::held);
        EXPECT_THAT(open_files(data_dir), IsEmpty()) << "the directories were locked as soon as they were free";
        EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
        EXPECT_FALSE(FirstVersion::start(data_dir));
      }
    }
  }
}

TEST_F(LockOfTheDataDirectory, WhatDecidesCannotBeOpenedByAConsumer) {
  fs::create_directories(data_dir / ".adapter");
  write(data_dir / ".adapter/.lock", "12345678901234567890\n");  // as an earlier version left it
  ASSERT_EQ(chmod((data_dir / ".adapter/.lock").c_str(), 0644), 0);
  const DataDirectoryLock lock(data_dir);
  EXPECT_EQ(fs::status(data_dir / ".adapter/.lock").permissions(), fs::perms{0600});
  EXPECT_EQ(fs::status(data_dir / ".adapter/.owner").permissions(), fs::perms{0700});
}

/// The version before this one holds both directories and no `.owner`, and writes its number alone.
TEST_F(LockOfTheDataDirectory, ALockedDirectoryIsADaemonsUnlessTheLastOneHeldTheOwnersFolder) {
  {
    const DataDirectoryLock first(data_dir);
  }
  write(data_dir / ".adapter/.lock", "4711\n");
  const UniqueFd data = lock_as_a_consumer(data_dir, LOCK_EX);
  const Error busy = error_of([&] { DataDirectoryLock{data_dir}; });
  EXPECT_THAT(busy.text(), HasSubstr("process " + std::to_string(getpid()) + " ("));
  EXPECT_THAT(busy.text(), HasSubstr("holds flock on " + data_dir.native()));
  EXPECT_THAT(busy.text(), HasSubstr("4711"));
}

TEST_F(LockOfTheDataDirectory, ADirectoryThatWasMovedWithItsDaemonIsNotTaken) {
  const DataDirectoryLock lock(data_dir);
  fs::rename(data_dir, folder.path() / "moved");
  fs::create_directory(data_dir);
  fs::rename(folder.path() / "moved/.adapter", data_dir / ".adapter");
  EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
}

TEST_F(LockOfTheDataDirectory, RenewGoesOnWhereAConsumerLockedTheNewDirectory) {
  DataDirectoryLock lock(data_dir);
  fs::rename(data_dir / ".adapter", data_dir / "elsewhere");
  fs::create_directory(data_dir / ".adapter");
  UniqueFd own = lock_as_a_consumer(data_dir / ".adapter", LOCK_EX);
  EXPECT_EQ(lock.renew(), DirectoryState::remade);
  EXPECT_FALSE(FirstVersion::start(data_dir));
  EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
  own.reset();
  EXPECT_EQ(lock.renew(), DirectoryState::held);
  EXPECT_THAT(open_files(data_dir), IsEmpty());
}

TEST_F(LockOfTheDataDirectory, RenewMakesItsDirectoryAgainAndLocksIt) {
  DataDirectoryLock lock(data_dir);
  EXPECT_EQ(lock.renew(), DirectoryState::held);
  fs::remove_all(data_dir / ".adapter");
  EXPECT_EQ(lock.renew(), DirectoryState::remade);
  EXPECT_THAT(content(data_dir / ".adapter/.lock"), StartsWith(std::to_string(getpid()) + "\nowner "));
  EXPECT_FALSE(FirstVersion::start(data_dir));
  EXPECT_EQ(lock.renew(), DirectoryState::held);
  fs::rename(data_dir / ".adapter", data_dir / "elsewhere");
  fs::create_directory(data_dir / ".adapter");
  EXPECT_EQ(lock.renew(), DirectoryState::remade);
  EXPECT_FALSE(FirstVersion::start(data_dir));
  EXPECT_EQ(lock.renew(), DirectoryState::held);
}

TEST_F(LockOfTheDataDirectory, RenewSaysWhenTheDataDirectoryIsAnother) {
  DataDirectoryLock lock(data_dir);
  fs::rename(data_dir, folder.path() / "moved");
  EXPECT_EQ(lock.renew(), DirectoryState::replaced);
  fs::create_directory(data_dir);
  EXPECT_EQ(lock.renew(), DirectoryState::replaced);
  EXPECT_THAT(fs::is_empty(data_dir), true) << "nothing is made in a directory that is not held";
  fs::remove(data_dir);
  fs::create_directory_symlink("moved", data_dir);
  EXPECT_EQ(lock.renew(), DirectoryState::held) << "the same directory by another way";
}

TEST_F(LockOfTheDataDirectory, RenewFailsWhereItsDirectoryCannotBeMadeAndWorksLater) {
  DataDirectoryLock lock(data_dir);
  fs::remove_all(data_dir / ".adapter");
  write(data_dir / ".adapter", "another's");
  EXPECT_EQ(error_of([&] { static_cast<void>(lock.renew()); }).error_class(), ErrorClass::storage);
  EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy) << "the lock of data_dir is held on";
  fs::remove(data_dir / ".adapter");
  {
    const auto first = FirstVersion::start(data_dir);
    ASSERT_TRUE(first);
    EXPECT_THROW(static_cast<void>(lock.renew()), DirectoryBusy);
    EXPECT_THROW(static_cast<void>(lock.renew()), DirectoryBusy);
  }
  EXPECT_EQ(lock.renew(), DirectoryState::remade);
}

TEST_F(LockOfTheDataDirectory, KeepsItsFileOpenWhereDirectoriesCannotBeLocked) {
  for (const int error : {ENOLCK, EOPNOTSUPP, EBADF}) {
    FileCalls::watch(
        [&](const FileCall& call) { return call.name == "flock" && fs::is_directory(call.path) ? error : 0; });
    const DataDirectoryLock lock(data_dir);
    EXPECT_THAT(open_files(data_dir), ElementsAre(EndsWith("/.adapter/.lock")));
    EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
  }
}

TEST_F(LockOfTheDataDirectory, SaysWhatToDoWhereLocksAreRefused) {
  for (const auto& [number, name] : {std::pair{ENOLCK, "ENOLCK"}, {EOPNOTSUPP, "EOPNOTSUPP"}, {ENOSYS, "ENOSYS"}}) {
    FileCalls::watch([error = number](const FileCall& call) { return call.name == "flock" ? error : 0; });
    const Error refused = error_of([&] { DataDirectoryLock{data_dir}; });
    EXPECT_EQ(refused.error_class(), ErrorClass::storage);
    EXPECT_THAT(refused.text(), HasSubstr(data_dir.native() + "/.adapter/.lock"));
    EXPECT_THAT(refused.text(), HasSubstr(name));
    EXPECT_THAT(refused.text(), HasSubstr("NFS"));
    EXPECT_THAT(refused.text(), HasSubstr("nolock"));
  }
}

TEST_F(LockOfTheDataDirectory, RetriesAnInterruptedLock) {
  int left = 3;
  FileCalls::watch([&](const FileCall& call) { return call.name == "flock" && left-- > 0 ? EINTR : 0; });
  const DataDirectoryLock lock(data_dir);
  EXPECT_THAT(open_files(data_dir), IsEmpty());
}

/// A lock that hangs, as on NFS whose lock service is down.
TEST_F(LockOfTheDataDirectory, IsAnnouncedWaitedForAndNamesNfsWhenItHangs) {
  std::promise<void> answer;
  const auto answered = answer.get_future().share();
  FileCalls::watch([=](const FileCall& call) {
    if (call.name == "flock") {
      answered.wait();
    }
    return 0;
  });
  ::testing::internal::CaptureStderr();
  LockAttempt attempt(data_dir);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(attempt.wait_for(std::chrono::milliseconds(1)));
  EXPECT_FALSE(attempt.wait_for(std::chrono::milliseconds(2000)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << "the caller is free to obey signals";
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_LT(said.find("locking"), said.find("lock_waits")) << said;
  EXPECT_THAT(said, HasSubstr("NFS"));
  EXPECT_THAT(said, HasSubstr(data_dir.native()));
  answer.set_value();
  EXPECT_TRUE(attempt.wait_for(std::chrono::seconds(30)));
  const std::unique_ptr<DataDirectoryLock> lock = attempt.take();
  EXPECT_THROW(DataDirectoryLock{data_dir}, DirectoryBusy);
}

TEST_F(LockOfTheDataDirectory, AttemptThrowsWhatTheLockThrows) {
  const DataDirectoryLock lock(data_dir);
  LockAttempt attempt(data_dir);
  ASSERT_TRUE(attempt.wait_for(std::chrono::seconds(30)));
  EXPECT_THROW(static_cast<void>(attempt.take()), DirectoryBusy);
}

TEST_F(LockOfTheDataDirectory, AttemptThatIsGivenUpHoldsNothingLater) {
  auto answer = std::make_shared<std::promise<void>>();
  const auto answered = answer->get_future().share();
  auto left = std::make_shared<std::atomic<int>>(1);
  FileCalls::watch([=](const FileCall& call) {
    if (call.name == "flock" && left->fetch_sub(1) > 0) {
      answered.wait();
    }
    return 0;
  });
  {
    LockAttempt attempt(data_dir);
    EXPECT_FALSE(attempt.wait_for(std::chrono::milliseconds(1)));
  }
  answer->set_value();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    try {
      const DataDirectoryLock lock(data_dir);
      return;
    } catch (const DirectoryBusy&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  FAIL() << "the lock of the abandoned attempt is still held";
}

/// .adapter and what lies in it belong to another user. The printed command is run as it stands; the next start works.
TEST_F(LockOfTheDataDirectory, PrintsACommandThatSufficesForAnotherUsersDirectory) {
  if (geteuid() != 0) {
    std::printf("not root: no other user's directory can be made\n");
    return;
  }
  constexpr uid_t user = 65534;
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  const auto as_user = [&] {
    int out[2] = {-1, -1};
    EXPECT_EQ(pipe(out), 0);
    const pid_t child = fork();
    if (child == 0) {
      std::string text;
      try {
        if (setuid(user) != 0) {
          text = "no setuid";
        }
        const DataDirectoryLock lock(data_dir);
      } catch (const Error& error) {
        text = error.text();
      }
      _exit(::write(out[1], text.data(), text.size()) < 0 ? 1 : 0);
    }
    waitpid(child, nullptr, 0);
    close(out[1]);
    std::string text(4096, '\0');
    const ssize_t size = read(out[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    close(out[0]);
    return text;
  };
  for (const mode_t own_mode : {0755U, 0700U}) {
    for (const uid_t owner_of_data : {uid_t{0}, user}) {
      for (const uid_t owner_of_own : {uid_t{0}, user}) {
        fs::remove_all(data_dir);
        {
          const DataDirectoryLock lock(data_dir);
        }
        ASSERT_EQ(chmod((data_dir / ".adapter").c_str(), own_mode), 0);
        ASSERT_EQ(chown(data_dir.c_str(), owner_of_data, 0), 0);
        ASSERT_EQ(chown((data_dir / ".adapter").c_str(), owner_of_own, 0), 0);
        const std::string text = as_user();
        EXPECT_THAT(text, HasSubstr("cannot write to " + data_dir.native()));
        const std::size_t start = text.find("(chown ");
        ASSERT_NE(start, std::string::npos) << text;
        const std::string command = text.substr(start + 1, text.find(')', start) - start - 1);
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
        EXPECT_EQ(as_user(), "") << "after " << command;
      }
    }
  }
}

}  // namespace
}  // namespace adapter::testing
