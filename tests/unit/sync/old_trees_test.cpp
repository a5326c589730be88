// SPDX-License-Identifier: Apache-2.0
#include "old_trees.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "adapter/async/task_scope.hpp"
#include "volume_fixture.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class OldTreesTest : public ::testing::Test {
protected:
  ~OldTreesTest() override {
    scope_.cancel();
    loop_.restart();
    loop_.run();
  }

  /// A repository with a tree that was taken out of use.
  void leave_tree(const std::string& name, int files = 3) {
    const fs::path own = directory_.path() / ".adapter" / name;
    fs::create_directories(own / "manifests");
    const fs::path tree = own / "trees/.gone-0123456789abcdef";
    fs::create_directories(tree);
    for (int i = 0; i < files; ++i) {
      std::ofstream(tree / std::to_string(i));
    }
  }
  [[nodiscard]] bool has_tree(const std::string& name) const {
    return fs::exists(directory_.path() / ".adapter" / name / "trees/.gone-0123456789abcdef");
  }
  void request(const std::string& name) { old_trees_.request(directory_.path(), name); }
  void run_until(const std::function<bool()>& done, std::chrono::seconds limit = 10s) {
    loop_.restart();
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!done() && std::chrono::steady_clock::now() < until) {
      loop_.run_one_for(10ms);
    }
    EXPECT_TRUE(done());
  }
  /// A deletion of this repository's trees fails, and one of another's succeeds; then there is a tree that can be
  /// deleted.
  void fail_then_heal(const std::string& name) {
    const fs::path own = directory_.path() / ".adapter" / name;
    fs::create_directories(own / "manifests");
    std::ofstream(own / "trees");  // in place of a directory
    leave_tree("other");
    request(name);
    request("other");
    scope_.spawn("old trees", old_trees_.run());
    run_until([this] { return !has_tree("other"); });
    fs::remove(own / "trees");
    leave_tree(name);
  }
  asio::awaitable<void> note_room(std::string name, bool& has_room, std::chrono::milliseconds limit = 30s) {
    co_await old_trees_.wait_for_room(std::move(name), limit);
    has_room = true;
  }

  static asio::awaitable<void> note_free(OldTrees::Hold& hold, bool& is_free) {
    co_await hold.wait_for_end_of_slice();
    is_free = true;
  }
  static asio::awaitable<void> note_deleted(OldTrees& old_trees, std::string name, bool& are_deleted) {
    co_await old_trees.wait_until_deleted(std::move(name));
    are_deleted = true;
  }

  TemporaryDirectory directory_;
  asio::io_context loop_{1};
  async::Workers workers_{1};
  async::TaskScope scope_{loop_.get_executor()};
  OldTrees old_trees_{loop_.get_executor(), workers_};
};

TEST_F(OldTreesTest, AreDeletedWhenARepositoryAsks) {
  leave_tree("docs");
  leave_tree("wiki");
  request("docs");
  scope_.spawn("old trees", old_trees_.run());
  run_until([this] { return !has_tree("docs"); });
  EXPECT_TRUE(has_tree("wiki"));
  request("wiki");
  run_until([this] { return !has_tree("wiki"); });
}

TEST_F(OldTreesTest, AreDeletedToTheEndBeforeTheProgramEnds) {
  for (const std::string name : {"a", "b", "c"}) {
    leave_tree(name);
    request(name);
  }
  old_trees_.finish();
  scope_.spawn("old trees", old_trees_.run());
  run_until([this] { return scope_.size() == 0; });
  EXPECT_FALSE(has_tree("a") || has_tree("b") || has_tree("c"));
}

/// The threads that write trees are all busy: deletion does not need them.
TEST_F(OldTreesTest, NeedNoWorker) {
  std::promise<void> end;
  // A copy: the worker may begin when this test has ended.
  workers_.post(async::Lane::work, [busy = end.get_future().share()] { busy.wait(); });
  leave_tree("docs");
  request("docs");
  scope_.spawn("old trees", old_trees_.run());
  run_until([this] { return !has_tree("docs"); });
  end.set_value();
}

TEST_F(OldTreesTest, KeepARepositoryWaitingThatLeavesMoreThanAFew) {
  leave_tree("docs");
  bool docs = false;
  bool wiki = false;
  for (int i = 0; i < 8; ++i) {
    request("docs");
  }
  scope_.spawn("room", note_room("docs", docs));
  run_until([&] { return docs; });
  request("docs");
  docs = false;
  scope_.spawn("room", note_room("docs", docs));
  scope_.spawn("room", note_room("wiki", wiki));
  run_until([&] { return wiki; });
  EXPECT_FALSE(docs);
  scope_.spawn("old trees", old_trees_.run());
  run_until([&] { return docs; });
  EXPECT_FALSE(has_tree("docs"));
}

TEST_F(OldTreesTest, OfAVolumeThatFailsAreAskedForAgain) {
  fail_then_heal("docs");
  request("docs");
  run_until([this] { return !has_tree("docs"); });
}

/// A repository that seldom changes asks once.
TEST_F(OldTreesTest, OfAVolumeThatFailedAreDeletedWhenItIsWell) {
  fail_then_heal("docs");
  run_until([this] { return !has_tree("docs"); }, 15s);
}

/// Deletion whose looks at the residue of some repositories hang until release(). The threads note what runs.
class SlowResidue {
public:
  OldTrees::DeleteSlice deleter() {
    return [this](const fs::path&, const std::string& name, OldTrees::Slice, std::chrono::steady_clock::time_point,
                  const std::stop_token&, std::chrono::steady_clock::time_point) { return slice(name); };
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] int slices(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto place = slices_.find(name);
    return place == slices_.end() ? 0 : place->second;
  }
  [[nodiscard]] int most_large() const {
    const std::lock_guard lock(mutex_);
    return most_large_;
  }

private:
  /// Those that begin with "large" come to no end in their first slice and hang in the second one.
  OldTrees::Slice slice(const std::string& name) {
    std::unique_lock lock(mutex_);
    const bool is_large = name.starts_with("large");
    const int number = ++slices_[name];
    OldTrees::Slice done;
    done.trees.complete = !is_large || number > 1;
    done.trees.mostly_looked = is_large;
    done.retry.complete = true;
    if (is_large && number > 1) {
      most_large_ = std::max(most_large_, ++large_);
      changed_.wait(lock, [this] { return released_; });
      --large_;
    }
    return done;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  std::map<std::string, int> slices_;
  int large_ = 0;
  int most_large_ = 0;
};

TEST_F(OldTreesTest, OfOthersAreDeletedBesideALongLookAtTheResidueOfOne) {
  SlowResidue residue;
  OldTrees old_trees(loop_.get_executor(), workers_, residue.deleter());
  old_trees.request(directory_.path(), "large");
  old_trees.request(directory_.path(), "large-too");
  async::TaskScope scope(loop_.get_executor());
  scope.spawn("old trees", old_trees.run());
  run_until([&] { return residue.slices("large") == 2 && residue.slices("large-too") == 1; });
  for (int number = 1; number <= 3; ++number) {
    old_trees.request(directory_.path(), "small");
    run_until([&] { return residue.slices("small") == number; }, 2s);
  }
  old_trees.request(directory_.path(), "large");
  EXPECT_EQ(residue.slices("large"), 2) << "its turn comes after the one that runs";
  EXPECT_EQ(residue.most_large(), 1);
  residue.release();
  old_trees.finish();
  run_until([&] { return scope.size() == 0; });
  EXPECT_EQ(residue.slices("large"), 3);
  EXPECT_EQ(residue.slices("large-too"), 2);
  EXPECT_EQ(residue.most_large(), 1);
}

TEST_F(OldTreesTest, ACancelledRunEndsInBothLines) {
  SlowResidue residue;
  OldTrees old_trees(loop_.get_executor(), workers_, residue.deleter());
  old_trees.request(directory_.path(), "large");
  async::TaskScope scope(loop_.get_executor());
  scope.spawn("old trees", old_trees.run());
  run_until([&] { return residue.slices("large") == 2; });
  scope.cancel();
  residue.release();
  run_until([&] { return scope.size() == 0; });
}

/// Deletion whose slices run until they are stopped, while `blocks` is set.
struct StoppedDeletion {
  OldTrees::DeleteSlice deleter() {
    return [this](const fs::path&, const std::string&, OldTrees::Slice slice, std::chrono::steady_clock::time_point,
                  const std::stop_token& stop, std::chrono::steady_clock::time_point) {
      ++begun;
      slice.trees.complete = !blocks;
      if (blocks) {
        std::promise<void> stopped;
        const std::stop_callback on_stop(stop, [&stopped] { stopped.set_value(); });
        stopped.get_future().wait();
      }
      ++ended;
      return slice;
    };
  }
  std::atomic<bool> blocks{true};
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
};

TEST_F(OldTreesTest, OfARepositoryThatIsHeldAreDeletedAfterwards) {
  StoppedDeletion deletion;
  OldTrees old_trees(loop_.get_executor(), workers_, deletion.deleter());
  async::TaskScope scope(loop_.get_executor());
  scope.spawn("old trees", old_trees.run());
  old_trees.request(directory_.path(), "docs");
  run_until([&] { return deletion.begun == 1; });
  {
    OldTrees::Hold hold(old_trees, "docs");
    bool is_free = false;
    scope.spawn("wait", note_free(hold, is_free));
    run_until([&] { return is_free; });
    EXPECT_EQ(deletion.ended, 1);
    deletion.blocks = false;
    old_trees.request(directory_.path(), "docs");
    old_trees.request(directory_.path(), "wiki");
    run_until([&] { return deletion.ended == 2; });
    loop_.run_for(50ms);
    EXPECT_EQ(deletion.begun, 2) << "of wiki only";
  }
  bool are_deleted = false;
  scope.spawn("deleted", note_deleted(old_trees, "docs", are_deleted));
  old_trees.finish();
  run_until([&] { return scope.size() == 0; });
  EXPECT_TRUE(are_deleted);
  EXPECT_EQ(deletion.ended, 3);
}

TEST_F(OldTreesTest, KeepNobodyWaitingBeyondALimit) {
  bool docs = false;
  for (int i = 0; i < 20; ++i) {
    request("docs");
  }
  scope_.spawn("room", note_room("docs", docs, 300ms));
  run_until([&] { return docs; });
}

}  // namespace
}  // namespace adapter::sync
