// SPDX-License-Identifier: Apache-2.0
#include "pruner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stop_token>
#include <thread>

#include "adapter/async/task_scope.hpp"
#include "volume_fixture.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A pruner whose configuration names "docs" only.
class PrunerTest : public VolumeTest {
protected:
  PrunerTest() {
    config_.data_dir = directory.path();
    configure({"docs"});
  }

  void configure(const std::vector<std::string>& names) {
    config_.repositories.clear();
    for (const std::string& name : names) {
      config::Repository& made = config_.repositories.emplace_back();
      made.name = name;
      made.link = name;
    }
    pruner_.configure(config_);
  }

  /// "docs" is to show what another repository's link shows now.
  void claim(const std::string& link) {
    config_.repositories.front().link = link;
    pruner_.configure(config_);
  }

  /// The failure, or "" when it was removed. `meanwhile` runs when the volume was asked the first time.
  std::string prune(const std::string& name, const std::function<void()>& meanwhile = {}) {
    std::string text = "no result";
    scope_.spawn("prune", note_result(pruner_, name, text));
    loop_.restart();
    loop_.run_one();
    if (meanwhile) {
      meanwhile();
    }
    run_to_the_end_of(text);
    return text;
  }

  /// With the deletion beside it.
  void run_to_the_end_of(const std::string& text) {
    async::TaskScope deletion(loop_.get_executor());
    deletion.spawn("old trees", old_trees_.run());
    while (text == "no result" && loop_.run_one_for(10s) == 1) {
    }
    deletion.cancel();
    loop_.run();
  }

  void start_to_prune(const std::string& name, std::string& text) {
    scope_.spawn("prune", note_result(pruner_, name, text));
  }

  std::vector<PruneCandidate> listed() {
    std::vector<PruneCandidate> found;
    scope_.spawn("list", note_candidates(found));
    loop_.restart();
    loop_.run();
    return found;
  }

  /// Runs the pruner until `done`, then `act`, and then for as long as it has something to do.
  void run_until(const std::function<bool()>& done, const std::function<void()>& act) {
    scope_.spawn("pruner", pruner_.run());
    while (!done() && loop_.run_one_for(10s) == 1) {
    }
    act();
    loop_.run_for(500ms);
    scope_.cancel();
    loop_.restart();
    loop_.run();
  }

  static void pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

  [[nodiscard]] bool has_trees(const std::string& name) const {
    return fs::exists(directory.path() / ".adapter" / name / "trees" / any_commit);
  }

  static asio::awaitable<void> note_result(Pruner& pruner, std::string name, std::string& text) {
    std::vector<std::string> names;
    names.push_back(std::move(name));
    const std::vector<PruneResult> results = co_await pruner.prune_now(std::move(names));
    EXPECT_EQ(results.size(), 1U);
    text = results.front().error ? results.front().error->text() : std::string();
  }

  asio::io_context loop_{1};
  async::Workers workers_{1};
  async::TaskScope scope_{loop_.get_executor()};
  config::Config config_;
  publish::Doubts doubts_;
  OldTrees old_trees_{loop_.get_executor(), workers_};
  Pruner pruner_{loop_.get_executor(), workers_, old_trees_, doubts_};

private:
  asio::awaitable<void> note_candidates(std::vector<PruneCandidate>& found) {
    std::vector<PruneCandidate> candidates = co_await pruner_.candidates();
    found = std::move(candidates);
  }
};

TEST_F(PrunerTest, RemovesWhatIsNotConfiguredWithItsLink) {
  publish("docs", "docs");
  publish("wiki", "wiki");
  EXPECT_EQ(prune("wiki"), "");
  EXPECT_FALSE(has_trees("wiki"));
  EXPECT_FALSE(fs::is_symlink(directory.path() / "wiki"));
  for (const auto& entry : fs::directory_iterator(directory.path() / ".adapter")) {
    EXPECT_EQ(entry.path().filename(), "docs") << "what was pruned is deleted when the call comes back";
  }
  EXPECT_TRUE(has_trees("docs"));
}

TEST_F(PrunerTest, RemovesNothingThatIsConfigured) {
  publish("docs", "docs");
  EXPECT_THAT(prune("docs"), HasSubstr("configured"));
  EXPECT_TRUE(has_trees("docs"));
}

TEST_F(PrunerTest, RemovesNothingWhileNothingIsConfigured) {
  publish("wiki", "wiki");
  configure({});
  EXPECT_THAT(prune("wiki"), HasSubstr("no repository is configured"));
  EXPECT_TRUE(has_trees("wiki"));
}

/// The job that removes it waits for a worker when a reload claims its link.
TEST_F(PrunerTest, KeepsWhatAReloadClaimsWhileTheWorkersAreBusy) {
  publish("docs", "docs");
  publish("wiki", "wiki");
  std::promise<void> end;
  workers_.post(async::Lane::work, [&] { end.get_future().wait(); });
  std::string text = "no result";
  start_to_prune("wiki", text);
  loop_.restart();
  loop_.run_for(300ms);
  ASSERT_EQ(text, "no result") << "it did not wait for a worker";
  claim("wiki");
  end.set_value();
  run_to_the_end_of(text);
  EXPECT_THAT(text, HasSubstr("still leads into its trees"));
  EXPECT_TRUE(has_trees("wiki"));
  EXPECT_TRUE(fs::is_symlink(directory.path() / "wiki"));
}

TEST_F(PrunerTest, WaitsForTheLastWorkOfEachTaskOfThatName) {
  publish("wiki", "wiki");
  pruner_.note_ending("wiki");
  pruner_.note_ending("wiki");
  EXPECT_THAT(prune("wiki"), HasSubstr("has not ended"));
  pruner_.note_ended("wiki");
  EXPECT_THAT(prune("wiki"), HasSubstr("has not ended"));
  EXPECT_TRUE(has_trees("wiki"));
  pruner_.note_ended("wiki");
  EXPECT_EQ(prune("wiki"), "");
  EXPECT_FALSE(has_trees("wiki"));
}

TEST_F(PrunerTest, AsksBeforeEachDeletionWhetherItIsStillDue) {
  publish("a", "a");
  publish("b", "b");
  config_.prune = 0ms;
  configure({"docs"});
  run_until([&] { return !has_trees("a"); },
            [&] {
              config_.prune.reset();
              configure({"docs"});
            });
  EXPECT_TRUE(has_trees("b")) << "deleted after prune was turned off";
}

TEST_F(PrunerTest, CountsFromTheBeginningWhatWasConfiguredInBetween) {
  publish("wiki", "wiki");
  config_.prune = 1h;
  configure({"docs"});
  const auto due_in = [&] { return listed().front().due_in.value(); };
  const auto before = due_in();
  pause(20ms);
  EXPECT_LT(due_in(), before);
  configure({"docs", "wiki"});
  configure({"docs"});
  EXPECT_GE(due_in(), before - 15ms) << "without a look in between";
}

TEST_F(PrunerTest, RemovesNothingThatAConfigurationClaimedMeanwhile) {
  publish("wiki", "wiki");
  const std::string text = prune("wiki", [&] { claim("wiki"); });
  EXPECT_THAT(text, HasSubstr("still leads into its trees"));
  EXPECT_TRUE(has_trees("wiki"));
  EXPECT_TRUE(fs::is_symlink(directory.path() / "wiki"));
}

/// Two deletions must not meet in one folder: the slice of "wiki" ends before its folder is moved.
TEST_F(PrunerTest, MovesNoFolderInWhichOldTreesAreBeingDeleted) {
  publish("wiki", "wiki");
  std::promise<void> begun;
  std::atomic<bool> was_there = false;
  std::atomic<int> slices = 0;
  OldTrees old_trees(loop_.get_executor(), workers_,
                     [&](const fs::path&, const std::string& name, OldTrees::Slice slice, steady_clock::time_point,
                         const std::stop_token& stop, steady_clock::time_point) {
                       if (name == "wiki" && ++slices == 1) {
                         begun.set_value();
                         const auto until = steady_clock::now() + 5s;
                         while (!stop.stop_requested() && steady_clock::now() < until) {
                           std::this_thread::yield();
                         }
                         was_there = has_trees("wiki");
                         slice.trees.complete = false;
                       }
                       return slice;
                     });
  Pruner pruner(loop_.get_executor(), workers_, old_trees, doubts_);
  pruner.configure(config_);
  old_trees.request(directory.path(), "wiki");
  scope_.spawn("old trees", old_trees.run());
  loop_.poll();
  begun.get_future().wait();
  const auto began = steady_clock::now();
  std::string text = "no result";
  scope_.spawn("prune", note_result(pruner, "wiki", text));
  while (text == "no result" && loop_.run_one_for(10s) == 1) {
  }
  EXPECT_EQ(text, "");
  EXPECT_FALSE(has_trees("wiki"));
  EXPECT_TRUE(was_there);
  EXPECT_LT(steady_clock::now() - began, 4s) << "the slice was not stopped";
  old_trees.finish();
  loop_.run_for(10s);
  EXPECT_EQ(slices, 2) << "what was held goes on";
}

TEST_F(PrunerTest, KnowsOfNoEndThatWasNotBegun) {
  publish("wiki", "wiki");
  pruner_.note_ended("wiki");
  pruner_.note_ending("wiki");
  EXPECT_THAT(prune("wiki"), HasSubstr("has not ended"));
}

TEST_F(PrunerTest, KeepsTreesThatALinkOfAConfiguredRepositoryShows) {
  publish("wiki", "wiki");
  point("docs", "wiki");
  EXPECT_THAT(prune("wiki"), HasSubstr("the link \"docs\" of a configured repository still leads into its trees"));
  EXPECT_TRUE(has_trees("wiki"));
}

}  // namespace
}  // namespace adapter::sync
