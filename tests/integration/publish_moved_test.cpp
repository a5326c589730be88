// SPDX-License-Identifier: Apache-2.0
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "../support/file_calls.hpp"
#include "../support/publish_fixture.hpp"

/// Configurations that change a repository's name or link, and repositories that leave them.
namespace adapter::testing {
namespace {

struct Renamed {
  PublishFixture fixture;
  std::unique_ptr<publish::Publisher> renamed;

  explicit Renamed(const std::string& link)
      : fixture(2, link),
        renamed(publish::make_publisher(fixture.workers, fixture.data_dir, "handbook", link, fixture.doubts)) {}
  publish::PublishResult publish(const ObjectId& commit) {
    return wait_for(publish_in_steps(*renamed, fixture.trees.source(commit), {}));
  }
};

TEST(RenamedRepository, TakesOverTheLinkOfItsFormerName) {
  for (const char* const link : {"site", "a/b/site"}) {
    Renamed both(link);
    PublishFixture& fixture = both.fixture;
    const ObjectId commit = fixture.trees.commit({{"n", "1"}});
    fixture.publish(commit);
    const publish::Standing standing = wait_for(both.renamed->recover({}));
    EXPECT_EQ(standing.commit, std::nullopt);
    EXPECT_EQ(standing.damage, "");
    EXPECT_FALSE(both.renamed->link_is_intact(commit));
    both.publish(commit);
    EXPECT_TRUE(both.renamed->link_is_intact(commit));
    EXPECT_FALSE(fixture.publisher->link_is_intact(commit));
    // What is left of the former name takes nothing with it.
    wait_for(fixture.publisher->retire_all(at_once));
    EXPECT_EQ(content(fixture.link / "n"), "1");
  }
}

TEST(RenamedRepository, TakesOverNothingThatOnlyResemblesALinkOfOurs) {
  const std::string hex(40, 'a');
  for (const std::string& target :
       {".adapter/docs/trees/" + hex.substr(1), "../.adapter/docs/trees/" + hex, ".adapter/../trees/" + hex,
        ".adapter/docs/trees/" + hex + "/", "x/.adapter/docs/trees/" + hex, ".adapter/docs/manifests/" + hex,
        "/.adapter/docs/trees/" + hex, ".adapter//trees/" + hex}) {
    Renamed both("site");
    fs::create_symlink(target, both.fixture.link);
    const Error error = error_of([&] { both.publish(both.fixture.trees.commit({{"n", "1"}})); });
    EXPECT_THAT(error.text(), ::testing::HasSubstr("did not make")) << target;
    EXPECT_EQ(fs::read_symlink(both.fixture.link), target);
  }
}

TEST(FormerLink, GoesWithTheFoldersItLeavesEmpty) {
  PublishFixture fixture(2, "a/b/c/docs");
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  write(fixture.data_dir / "a/mine", "x");
  EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("a/b/c/docs")));
  EXPECT_FALSE(fs::exists(fixture.data_dir / "a/b"));
  EXPECT_EQ(content(fixture.data_dir / "a/mine"), "x");
}

TEST(FormerLink, StaysWhereAConfigurationCameMeanwhile) {
  PublishFixture fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  EXPECT_FALSE(wait_for(fixture.publisher->remove_former_link("docs", [] { return false; })));
  EXPECT_EQ(content(fixture.link / "n"), "1");
  EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("docs", [] { return true; })));
  EXPECT_FALSE(fs::is_symlink(fixture.link));
}

TEST(FormerLink, MakesWayForOneAboveIt) {
  PublishFixture fixture(2, "team/docs");
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  fs::remove(fixture.link);  // a kill between the link and its folder
  const auto moved = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "team", fixture.doubts);
  EXPECT_TRUE(wait_for(moved->remove_former_link("team/docs")));
  EXPECT_FALSE(fs::exists(fixture.data_dir / "team"));
  EXPECT_TRUE(wait_for(publish_in_steps(*moved, fixture.trees.source(commit), {})).reused);
  EXPECT_EQ(content(fixture.data_dir / "team/n"), "1");
  EXPECT_TRUE(wait_for(moved->remove_former_link("team/docs")));  // once more, after a kill before it was noted
  EXPECT_EQ(content(fixture.data_dir / "team/n"), "1");
}

TEST(FormerLink, MakesWayForOneBelowIt) {
  PublishFixture fixture;
  const ObjectId commit = fixture.trees.commit({{"n", "1"}});
  fixture.publish(commit);
  const auto moved = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "docs/v1", fixture.doubts);
  EXPECT_TRUE(wait_for(moved->remove_former_link("docs")));
  wait_for(publish_in_steps(*moved, fixture.trees.source(commit), {}));
  EXPECT_EQ(content(fixture.data_dir / "docs/v1/n"), "1");
}

TEST(FormerLink, InTheWayStandsUntilTheNewOneIsMade) {
  for (const auto& [before, after] : {std::pair("team/docs", "team"), std::pair("docs", "docs/v1")}) {
    PublishFixture fixture(2, before);
    const ObjectId first = fixture.trees.commit({{"n", "1"}});
    fixture.publish(first);
    const auto moved = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", after, fixture.doubts);
    publish::PublishOptions options;
    options.former_links = {before};
    const publish::Standing standing = wait_for(moved->recover({{before}, {}}));
    EXPECT_EQ(standing.link, publish::Standing::LinkState::absent) << before;
    EXPECT_THAT(standing.complete, ::testing::ElementsAre(first));
    const ObjectId bad = fixture.trees.commit({{"n", "out", publish::EntryKind::symlink}, {"out", "x"}});
    options.symlinks = SymlinkPolicy::inside;
    fixture.trees.before_blob = [](const ObjectId&) { throw Error(ErrorClass::policy, "refused"); };
    static_cast<void>(error_of([&] { wait_for(publish_in_steps(*moved, fixture.trees.source(bad), options)); }));
    EXPECT_EQ(content(fixture.link / "n"), "1") << before;
    fixture.trees.before_blob = nullptr;
    const ObjectId second = fixture.trees.commit({{"n", "2"}});
    wait_for(publish_in_steps(*moved, fixture.trees.source(second), options));
    EXPECT_EQ(content(fixture.data_dir / after / "n"), "2") << after;
  }
}

TEST(FormerLink, KeepsTheTreeItLeadsTo) {
  PublishFixture fixture;
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  fixture.publish(first);
  const auto moved = publish::make_publisher(fixture.workers, fixture.data_dir, "docs", "site", fixture.doubts);
  publish::PublishOptions options;
  options.former_links = {"docs"};
  for (const char* const number : {"2", "3", "4"}) {
    wait_for(publish_in_steps(*moved, fixture.trees.source(fixture.trees.commit({{"n", number}})), options));
    EXPECT_EQ(content(fixture.link / "n"), "1") << number;
  }
  wait_for(moved->recover({{"docs"}, {}}));
  EXPECT_EQ(content(fixture.link / "n"), "1");
  EXPECT_EQ(publish::owner_of_link(fixture.data_dir, "docs"), "docs");
  EXPECT_EQ(publish::owner_of_link(fixture.data_dir, "nothing/here"), std::nullopt);
}

TEST(FormerLink, WithSomethingForeignInItsPlaceKeepsItsFolder) {
  PublishFixture fixture(2, "team/docs");
  fs::create_directories(fixture.link);
  EXPECT_TRUE(wait_for(fixture.publisher->remove_former_link("team/docs")));
  EXPECT_TRUE(fs::is_directory(fixture.link));
}

/// How many names of `folder` begin like this.
std::size_t count_of(const fs::path& folder, const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    count += entry.path().filename().native().starts_with(prefix) ? 1U : 0U;
  }
  return count;
}

TEST(RemovedRepository, IsLeftByAStopAsLitterOnly) {
  PublishFixture fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  std::vector<MemoryFile> many;
  for (int i = 0; i < 3000; ++i) {
    many.push_back({"f" + std::to_string(i), "x"});
  }
  fixture.publish(fixture.trees.commit(many));
  const fs::path all = fixture.data_dir / ".adapter";
  wait_for(fixture.publisher->retire_all(at_once));
  EXPECT_FALSE(fs::exists(fixture.own()));
  publish::KnownResidue known;
  int looks = 0;
  EXPECT_FALSE(delete_retired(fixture.data_dir, known, false, [&] { return ++looks > 500; }).complete);
  EXPECT_EQ(count_of(all, ".gone-"), 1U);
  EXPECT_TRUE(delete_retired(fixture.data_dir, known).complete);
  EXPECT_EQ(count_of(all, ".gone-"), 0U);
}

TEST(RemovedRepository, IsDeletedByALaterRun) {
  {
    PublishFixture fixture;
    const fs::path all = fixture.data_dir / ".adapter";
    fs::create_directories(all / ".gone-0123456789abcdef/trees/x");
    write(all / ".gone-0123456789abcdef/trees/x/file", "x");
    delete_retired(fixture.data_dir);
    EXPECT_EQ(count_of(all, ".gone-"), 0U);
  }
}

/// A publish, or with `relinks` a relink, that is stopped in its file call number `place`. Returns whether it came to
/// that call.
bool expect_no_move_after_a_stop(int place, bool relinks) {
  PublishFixture fixture(1, "sites/docs");
  const ObjectId first = fixture.trees.commit({{"n", "1"}});
  const ObjectId second = fixture.trees.commit({{"n", "2"}});
  if (relinks) {
    fixture.publish(second);
  }
  fixture.publish(first);
  asio::io_context loop(1);
  asio::cancellation_signal cancel;
  int number = 0;
  int move = -1;
  // Of the job alone: another worker takes a staged tree out of use, and may do so when this has ended.
  const auto job = std::make_shared<std::atomic<std::thread::id>>();
  FileCalls::watch([&, job](const FileCall& call) {
    std::thread::id none;
    job->compare_exchange_strong(none, std::this_thread::get_id());
    if (job->load() != std::this_thread::get_id()) {
      return 0;
    }
    move = call.to == fixture.link.native() ? number : move;
    if (number++ == place) {
      std::promise<void> stopped;
      asio::post(loop, [&] {
        cancel.emit(asio::cancellation_type::terminal);
        stopped.set_value();
      });
      stopped.get_future().wait();
    }
    return 0;
  });
  const ObjectId third = fixture.trees.commit({{"n", "3"}});
  std::exception_ptr failure;
  const auto done = [&](const std::exception_ptr& error, auto&&...) { failure = error; };
  if (relinks) {
    asio::co_spawn(loop, fixture.publisher->relink(second, {}), asio::bind_cancellation_slot(cancel.slot(), done));
  } else {
    asio::co_spawn(loop, publish_in_steps(*fixture.publisher, fixture.trees.source(third), {}),
                   asio::bind_cancellation_slot(cancel.slot(), done));
  }
  loop.run();
  FileCalls::ignore();
  EXPECT_LE(move, place) << "the link was moved after the stop";
  if (move < 0) {
    EXPECT_TRUE(failure);
    EXPECT_EQ(content(fixture.link / "n"), "1");
  }
  return number > place;
}

/// A reload that gives the link to another repository stops the job, and waits for no call that hangs.
TEST(StoppedJob, DoesNotMoveTheLinkAfterwards) {
  for (const bool relinks : {false, true}) {
    int place = 0;
    while (expect_no_move_after_a_stop(place, relinks)) {
      ASSERT_FALSE(HasFailure()) << "call " << place << (relinks ? " of a relink" : " of a publish");
      ++place;
    }
    EXPECT_GT(place, 10);
  }
}

/// The last step of a job that a reload stops, at a link that the reload gave to another repository: `call` is that
/// step's.
void expect_the_new_owner_last(const std::string& call,
                               const std::function<asio::awaitable<void>(Renamed&)>& last_job) {
  Renamed both("site");
  PublishFixture& fixture = both.fixture;
  fixture.publish(fixture.trees.commit({{"n", "1"}}));
  const ObjectId commit = fixture.trees.commit({{"n", "new owner"}});
  asio::io_context loop(1);
  asio::cancellation_signal cancel;
  std::atomic<bool> reached = false;
  std::future<publish::PublishResult> next;
  bool overtakes = false;
  FileCalls::watch([&](const FileCall& each) {
    const std::string& changed = call == "rename" ? each.to : each.path;
    if (each.name == call && changed == fixture.link.native() && !reached.exchange(true)) {
      std::promise<void> stopped;
      asio::post(loop, [&] {
        cancel.emit(asio::cancellation_type::terminal);
        stopped.set_value();
      });
      stopped.get_future().wait();
      next = std::async(std::launch::async, [&] { return both.publish(commit); });
      overtakes = next.wait_for(std::chrono::milliseconds(500)) == std::future_status::ready;
    }
    return 0;
  });
  asio::co_spawn(loop, last_job(both), asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
  loop.run();
  ASSERT_TRUE(reached);
  next.get();
  FileCalls::ignore();
  EXPECT_FALSE(overtakes);
  EXPECT_EQ(content(fixture.link / "n"), "new owner");
}

asio::awaitable<void> publish_another(Renamed& both) {
  const ObjectId commit = both.fixture.trees.commit({{"n", "2"}});
  publish::PublishOptions options;
  auto publishing = publish_in_steps(*both.fixture.publisher, both.fixture.trees.source(commit), std::move(options));
  co_await std::move(publishing);
}

asio::awaitable<void> remove_the_link(Renamed& both) {
  std::string link = "site";
  co_await both.fixture.publisher->remove_former_link(std::move(link));
}

TEST(StoppedJob, MovesNoLinkUnderItsNewOwner) {
  expect_the_new_owner_last("rename", publish_another);
}

TEST(StoppedJob, RemovesNoLinkUnderItsNewOwner) {
  expect_the_new_owner_last("unlink", remove_the_link);
}

}  // namespace
}  // namespace adapter::testing
