// SPDX-License-Identifier: Apache-2.0
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <memory>
#include <utility>

#include "../support/publish_fixture.hpp"

namespace adapter::testing {
namespace {

using publish::StagedTree;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// A repository that shows a first commit, and the tree of a second one. One thread does all jobs, in turn.
class PublishPhases : public ::testing::Test {
protected:
  PublishPhases() { fixture_.publish(first_); }

  std::unique_ptr<StagedTree> begin(const ObjectId& commit) {
    return wait_for(publisher_->begin(fixture_.trees.source(commit), {}));
  }
  publish::PublishResult commit(std::unique_ptr<StagedTree> staged) {
    return wait_for(publisher_->commit(std::move(staged)));
  }
  void wait_for_jobs() {
    std::promise<void> done;
    workers_.post(async::Lane::work, [&] { done.set_value(); });
    done.get_future().wait();
  }
  void expect_only_the_first() {
    EXPECT_EQ(content(fixture_.link / "n"), "1");
    EXPECT_TRUE(publisher_->link_is_intact(first_));
    EXPECT_FALSE(fs::exists(fixture_.tree(second_)));
  }

  PublishFixture fixture_;
  ObjectId first_ = fixture_.trees.commit({{"n", "1"}});
  ObjectId second_ = fixture_.trees.commit({{"n", "2"}, {"d/link", "../n", publish::EntryKind::symlink}});
  async::Workers workers_{1, async::Workers::OneLane{}};
  std::unique_ptr<publish::Publisher> publisher_ =
      publish::make_publisher(workers_, fixture_.data_dir, "docs", "docs", fixture_.doubts);
};

TEST_F(PublishPhases, TheFirstLeavesACompleteTreeInAPrivateFolder) {
  const std::unique_ptr<StagedTree> staged = begin(second_);
  EXPECT_EQ(staged->path().parent_path(), fixture_.own() / "trees");
  EXPECT_EQ(content(staged->path() / "d/link"), "2");
  expect_only_the_first();
}

TEST_F(PublishPhases, TheSecondGivesTheTreeItsNameAndTheLink) {
  std::unique_ptr<StagedTree> staged = begin(second_);
  const fs::path path = staged->path();
  const publish::PublishResult result = commit(std::move(staged));
  EXPECT_EQ(result.commit, second_);
  EXPECT_EQ(result.replaced, first_);
  EXPECT_EQ(result.previous, first_);
  EXPECT_TRUE(result.changed);
  EXPECT_FALSE(result.reused);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(content(fixture_.link / "d/link"), "2");
  EXPECT_THAT(fixture_.litter(), IsEmpty());
}

TEST_F(PublishPhases, ACompleteTreeIsStagedWhereItIs) {
  std::unique_ptr<StagedTree> staged = begin(first_);
  EXPECT_EQ(staged->path(), fixture_.tree(first_));
  const publish::PublishResult result = commit(std::move(staged));
  EXPECT_TRUE(result.reused);
  EXPECT_FALSE(result.changed);
  expect_only_the_first();
}

TEST_F(PublishPhases, DiscardRemovesWhatIsStaged) {
  for (const ObjectId& staged : {second_, first_}) {
    wait_for(publisher_->discard(begin(staged)));
    EXPECT_THAT(fixture_.litter(), IsEmpty());
    expect_only_the_first();
  }
  EXPECT_TRUE(commit(begin(second_)).changed);
}

TEST_F(PublishPhases, ATreeThatIsDroppedIsDeletedWithOldTrees) {
  for (const ObjectId& staged : {second_, first_}) {
    begin(staged).reset();
    wait_for_jobs();
    expect_only_the_first();
  }
  EXPECT_THAT(fixture_.litter(), ElementsAre(StartsWith(".gone-")));
  EXPECT_EQ(fixture_.clean_up(), 0U);
  EXPECT_THAT(fixture_.litter(), IsEmpty());
  EXPECT_TRUE(commit(begin(second_)).changed);
}

asio::awaitable<void> publish_with_a_stop_between(publish::Publisher& publisher,
                                                  std::shared_ptr<const publish::TreeSource> source,
                                                  asio::cancellation_signal& stop) {
  publish::PublishOptions options;
  auto staged = co_await publisher.begin(std::move(source), std::move(options));
  stop.emit(asio::cancellation_type::terminal);
  co_await publisher.commit(std::move(staged));
}

TEST_F(PublishPhases, ACancellationBetweenThemPublishesNothing) {
  asio::io_context loop(1);
  asio::cancellation_signal cancel;
  std::exception_ptr failure;
  asio::co_spawn(
      loop, publish_with_a_stop_between(*publisher_, fixture_.trees.source(second_), cancel),
      asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& error) { failure = error; }));
  loop.run();
  EXPECT_TRUE(failure);
  wait_for_jobs();
  expect_only_the_first();
  EXPECT_THAT(fixture_.litter(), ElementsAre(StartsWith(".gone-")));
}

TEST_F(PublishPhases, SomethingForeignThatAppearsBetweenThemStays) {
  std::unique_ptr<StagedTree> staged = begin(second_);
  fs::remove(fixture_.link);
  write(fixture_.link, "foreign");
  const Error error = error_of([&] { commit(std::move(staged)); });
  EXPECT_EQ(error.error_class(), ErrorClass::storage);
  EXPECT_THAT(error.text(), HasSubstr("docs"));
  EXPECT_EQ(content(fixture_.link), "foreign");
  EXPECT_FALSE(fs::exists(fixture_.tree(second_)));
  EXPECT_THAT(fixture_.litter(), IsEmpty());
}

}  // namespace
}  // namespace adapter::testing
