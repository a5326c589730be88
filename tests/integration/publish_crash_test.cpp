// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::EntryKind;
using publish::PublishResult;
using publish::Standing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Each file of a commit says which one it belongs to, so that a torn tree shows.
std::vector<MemoryFile> numbered_tree(int number, int files) {
  std::vector<MemoryFile> list;
  for (int i = 0; i < files; ++i) {
    list.push_back({"d" + std::to_string(i % 7) + "/f" + std::to_string(i), std::to_string(number) + "\n"});
  }
  list.push_back({"here", "d0", EntryKind::symlink});
  return list;
}

/// What a consumer sees behind `tree`, judged without the program's own code: every file there, all of one commit. -1:
/// torn.
int number_of_tree(const fs::path& tree, int files) {
  std::set<std::string> numbers;
  for (int i = 0; i < files; ++i) {
    numbers.insert(content(tree / ("d" + std::to_string(i % 7)) / ("f" + std::to_string(i))));
  }
  const bool whole =
      numbers.size() == 1 && !numbers.begin()->empty() &&
      std::distance(fs::recursive_directory_iterator(tree), fs::recursive_directory_iterator()) == files + 8 &&
      fs::read_symlink(tree / "here") == "d0";
  return whole ? std::stoi(*numbers.begin()) : -1;
}

// ---- killed at any time ----

constexpr int crash_commits = 5;
constexpr int crash_files = 60;

/// Publishes commits one after the other, from `next` on, and tells each one's number when it was told that it is
/// published. Never returns.
[[noreturn]] void publish_for_ever(const fs::path& data_dir, int next, int told) {
  PublishFixture fixture(2, "docs", data_dir);
  std::vector<ObjectId> commits;
  for (int i = 0; i < crash_commits; ++i) {
    commits.push_back(fixture.trees.commit(numbered_tree(i, crash_files)));
  }
  fixture.recover();
  for (;; next = (next + 1) % crash_commits) {
    fixture.publish(commits[static_cast<std::size_t>(next)]);
    const char byte = static_cast<char>('0' + next);
    if (::write(told, &byte, 1) != 1) {
      _exit(1);
    }
    if (next % 2 == 1) {
      fixture.clean_up();
    }
  }
}

TEST(KilledPublish, LeavesWhatWasToldOrWhatCameNextAndHeals) {
  const auto seed_value = random_seed();
  std::mt19937 random(seed_value);
  TemporaryFolder data;
  TemporaryFolder scratch;  // of children, who have no time to clear up
  int last_told = -1;
  int flips = 0;
  for (int trial = 0; trial < 50; ++trial) {
    int told[2] = {-1, -1};
    ASSERT_EQ(pipe(told), 0);
    const int first = (last_told + 1) % crash_commits;
    const pid_t child = fork();
    if (child == 0) {
      close(told[0]);
      setenv("TMPDIR", scratch.path().c_str(), 1);
      publish_for_ever(data.path(), first, told[1]);
    }
    close(told[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 150'000));
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    for (char byte = 0; read(told[0], &byte, 1) == 1; ++flips) {
      last_told = byte - '0';
    }
    close(told[0]);

    const fs::path link = data.path() / "docs";
    const bool there = fs::exists(fs::symlink_status(link));
    ASSERT_TRUE(there || last_told == -1) << "seed " << seed_value << " trial " << trial;
    if (there) {
      const int number = number_of_tree(link, crash_files);
      ASSERT_TRUE(number == last_told || number == (last_told + 1) % crash_commits)
          << "seed " << seed_value << " trial " << trial << ": told " << last_told << ", found " << number;
      last_told = number;
    }
    PublishFixture fixture(2, "docs", data.path());
    const Standing standing = fixture.recover();
    ASSERT_EQ(standing.commit.has_value(), there)
        << "seed " << seed_value << " trial " << trial << ": " << standing.damage;
    if (fs::exists(fixture.own() / "trees") && fs::exists(fixture.own() / "manifests")) {
      EXPECT_THAT(fixture.litter(), IsEmpty());
      EXPECT_LE(std::distance(fs::directory_iterator(fixture.own() / "trees"), fs::directory_iterator()), 2);
      for (const auto& tree : fs::directory_iterator(fixture.own() / "trees")) {
        EXPECT_GE(number_of_tree(tree.path(), crash_files), 0) << "seed " << seed_value << " trial " << trial;
      }
    }
  }
  EXPECT_GT(flips, 0) << "every child was killed before it published anything";
}

// ---- readers during flips ----

TEST(Readers, FindEveryFileOfOneCommitThroughOneOpenedFolder) {
  // Ten thousand flips on a disk would take minutes of waiting for it.
  const bool in_memory = access("/dev/shm", W_OK) == 0;
  fs::path where = fs::temp_directory_path();
  if (in_memory) {
    where = "/dev/shm";
  }
  std::string pattern = (where / "adapter-flips-XXXXXX").native();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path data_dir = pattern;
  const int flips = in_memory ? 10'000 : 500;
  {
    PublishFixture fixture(2, "docs", data_dir);
    const ObjectId commits[2] = {fixture.trees.commit({{"a", "0"}, {"d/b", "0"}}),
                                 fixture.trees.commit({{"a", "1"}, {"d/b", "1"}})};
    fixture.publish(commits[0]);
    std::atomic<bool> done{false};
    std::atomic<int> missing{0};
    std::atomic<int> torn{0};
    std::atomic<int> reads{0};
    const auto read_at = [](int folder, const char* name) {
      const UniqueFd file(openat(folder, name, O_RDONLY | O_CLOEXEC));
      char byte = '?';
      return file && read(file.get(), &byte, 1) == 1 ? byte : '?';
    };
    const auto follow = [&] {
      while (!done) {
        const UniqueFd folder(open(fixture.link.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const char a = folder ? read_at(folder.get(), "a") : '?';
        const char b = folder ? read_at(folder.get(), "d/b") : '?';
        missing += a == '?' || b == '?' ? 1 : 0;
        torn += a != b ? 1 : 0;
        ++reads;
      }
    };
    std::thread first(follow);
    std::thread second(follow);
    asio::io_context loop(1);
    int changed = 0;
    for (int i = 1; i <= flips; ++i) {
      changed += fixture.publish(commits[i % 2]).changed ? 1 : 0;
    }
    done = true;
    first.join();
    second.join();
    EXPECT_EQ(changed, flips);
    EXPECT_EQ(missing, 0);
    EXPECT_EQ(torn, 0);
    EXPECT_GT(reads, 100);
    EXPECT_THAT(fixture.litter(), IsEmpty());
  }
  fs::remove_all(data_dir);
}

// ---- cancelled, full ----

/// `files`: 500, each with bytes of its own.
void expect_an_end_in_the_middle(const std::vector<MemoryFile>& files) {
  PublishFixture fixture;
  const ObjectId good = fixture.trees.commit({{"n", "1"}});
  fixture.publish(good);
  const ObjectId commit = fixture.trees.commit(files);
  asio::io_context loop(1);
  asio::cancellation_signal cancel;
  std::atomic<int> blobs{0};
  fixture.trees.before_blob = [&](const ObjectId&) {
    if (++blobs == 20) {
      asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
    }
    if (blobs >= 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::exception_ptr failure;
  asio::co_spawn(loop, publish_in_steps(*fixture.publisher, fixture.trees.source(commit), {}),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](const std::exception_ptr& error, const PublishResult&) { failure = error; }));
  loop.run();
  ASSERT_TRUE(failure);
  const Error error = error_of([&] { std::rethrow_exception(failure); });
  EXPECT_EQ(error.error_class(), ErrorClass::cancelled);
  EXPECT_LT(blobs, 490);
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_FALSE(fs::exists(fixture.tree(commit)));
  EXPECT_TRUE(fixture.publisher->link_is_intact(good));
  fixture.trees.before_blob = nullptr;
  EXPECT_TRUE(fixture.publish(commit).changed);
}

TEST(Cancelled, InTheMiddleLeavesNoStaging) {
  expect_an_end_in_the_middle(numbered_tree(7, 500));
}

TEST(Cancelled, AmongItsLinksLeavesNoStaging) {
  std::vector<MemoryFile> links;
  for (int i = 0; i < 500; ++i) {
    links.push_back({std::to_string(i), "t" + std::to_string(i), publish::EntryKind::symlink});
  }
  expect_an_end_in_the_middle(links);
}

TEST(Cancelled, AFileThatCannotBeWrittenLeavesNoStaging) {
  PublishFixture fixture;
  const ObjectId good = fixture.trees.commit({{"n", "1"}});
  fixture.publish(good);
  const ObjectId commit = fixture.trees.commit({{"a", "1"}, {"big", std::string(100'000, 'x')}});
  struct rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{50'000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Error error = error_of([&] { fixture.publish(commit); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(error.text(), HasSubstr("big"));
  EXPECT_THAT(fixture.litter(), IsEmpty());
  EXPECT_TRUE(fixture.publisher->link_is_intact(good));
  EXPECT_EQ(content(fixture.link / "n"), "1");
}

}  // namespace
}  // namespace adapter::testing
