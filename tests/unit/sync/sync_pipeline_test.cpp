// SPDX-License-Identifier: Apache-2.0
#include "sync_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio/io_context.hpp>

#include <functional>
#include <string>
#include <vector>

#include "../../support/fake_publisher.hpp"
#include "../../support/fake_remote.hpp"
#include "../../support/fake_store.hpp"
#include "adapter/async/task_scope.hpp"
#include "values.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ErrorClass all_classes[] = {ErrorClass::network,   ErrorClass::tls,      ErrorClass::auth,
                                      ErrorClass::not_found, ErrorClass::protocol, ErrorClass::limit,
                                      ErrorClass::policy,    ErrorClass::corrupt,  ErrorClass::storage};

class SyncPipelineTest : public ::testing::Test, private SyncPipeline::Listener {
protected:
  SyncPipelineTest() {
    repository_.name = "docs";
    repository_.url = *http::Url::parse("https://git.test/docs.git");
    repository_.timeout = 30s;
    repository_.depth = 1;
    store_.has.depth = 1;
  }

  static SyncPipeline::Wanted wanted() {
    SyncPipeline::Wanted made;
    made.ref = "refs/heads/main";
    made.tip = id('a');
    made.source = "source";
    made.published = id('9');
    return made;
  }
  static store::CommitSummary summary() {
    store::CommitSummary made;
    made.commit = id('a');
    return made;
  }

  /// obtain() and then publish(), as a task does; the error's text, or "".
  static asio::awaitable<void> run_stages(SyncPipelineTest& test) {
    std::optional<Error> failure;
    try {
      test.pipeline_.start();
      const SyncPipeline::Obtained obtained = co_await test.pipeline_.obtain(wanted());
      publish::PublishOptions options;
      const publish::PublishResult outcome =
          co_await test.pipeline_.publish(obtained.commit.commit, std::move(options));
      test.published_ = outcome.commit;
    } catch (const Error& error) {
      failure = error;
    }
    test.failure_ = failure;
  }
  void sync() {
    begin();
    run_until([this] { return scope_.size() == 0; });
    expect_nothing_held();
  }
  void begin() { scope_.spawn("sync", run_stages(*this)); }
  void run_until(const std::function<bool()>& done) {
    loop_.restart();
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < until) {
      loop_.run_one_for(10ms);
    }
    EXPECT_TRUE(done());
  }
  /// Neither a permit, nor a place, nor a connection, nor a transfer of the store.
  void expect_nothing_held() {
    EXPECT_TRUE(transfers_.try_acquire("git.test").has_value());
    EXPECT_TRUE(connections_.try_acquire("git.test").has_value());
    EXPECT_EQ(store_.ingests, 0);
    EXPECT_EQ(publisher_.staged_trees, 0);
    bool is_free = false;
    scope_.spawn("permit", take_permit(syncs_, is_free));
    run_until([this] { return scope_.size() == 0; });
    EXPECT_TRUE(is_free);
  }
  static asio::awaitable<void> take_permit(SyncPermits& syncs, bool& taken) {
    const SyncPermits::Permit permit = co_await syncs.acquire("other");
    taken = true;
  }
  static asio::awaitable<void> keep_permit(SyncPermits& syncs, std::chrono::milliseconds time) {
    const SyncPermits::Permit permit = co_await syncs.acquire("other");
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::use_awaitable);
  }

  struct Stage {
    const char* name;
    adapter::testing::FakeStep* step;
    const char* late;  ///< in the error of a timeout
    bool is_held;      ///< the store holds the commit
  };
  std::vector<Stage> stages() {
    return {{"verify", &store_.verifies, "what is held was verified", false},
            {"fetch", &remote_.fetches, "the pack was received", false},
            {"write", &store_.writes, "the pack was received", false},
            {"accept", &store_.accepts, "the pack was verified", false},
            {"accept what is held", &store_.accepts, "what is held was verified", true},
            {"begin", &publisher_.begins, "the tree was written", true},
            {"commit", &publisher_.commits, "the tree was written", true}};
  }
  void hold(bool is_held) { store_.held = is_held ? std::optional(summary()) : std::nullopt; }

  asio::io_context loop_{1};
  config::Repository repository_;
  SyncPermits syncs_{loop_.get_executor(), 1};
  TransferQueue transfers_{loop_.get_executor(), TransferSlots::Limits{1, 1, false}};
  HostTurns connections_{loop_.get_executor(), 1};
  adapter::testing::FakeRemote remote_;
  adapter::testing::FakeStore store_;
  adapter::testing::FakePublisher publisher_;
  SyncPipeline pipeline_{repository_, {syncs_, transfers_, connections_}, remote_, store_, publisher_, *this};
  std::vector<Phase> phases_;
  std::uint64_t received_ = 0;
  std::optional<Error> failure_;
  std::optional<ObjectId> published_;
  async::TaskScope scope_{loop_.get_executor()};

private:
  void on_phase(Phase phase) override { phases_.push_back(phase); }
  void on_pack_received(std::uint64_t bytes) override { received_ += bytes; }
};

TEST_F(SyncPipelineTest, FetchesWhatIsNotHeldAndPublishesIt) {
  remote_.boundary.shallow.push_back(id('b'));
  sync();
  EXPECT_FALSE(failure_);
  EXPECT_EQ(published_, id('a'));
  EXPECT_EQ(store_.written, "PACK");
  EXPECT_EQ(received_, 4U);
  EXPECT_THAT(remote_.wanted.wants, ElementsAre(id('a')));
  EXPECT_TRUE(store_.accepted_pack);
  ASSERT_TRUE(store_.accepted);
  EXPECT_EQ(store_.accepted->ref, "refs/heads/main");
  EXPECT_EQ(store_.accepted->source, "source");
  EXPECT_EQ(store_.accepted->published, id('9'));
  EXPECT_EQ(store_.accepted->depth, 1U);
  EXPECT_THAT(store_.accepted->shallow, ElementsAre(id('b')));
  EXPECT_THAT(phases_, ElementsAre(Phase::queued, Phase::fetching, Phase::queued, Phase::fetching, Phase::queued,
                                   Phase::fetching));
  EXPECT_EQ(pipeline_.progress().received_bytes, 4U) << "of the last transfer";
}

TEST_F(SyncPipelineTest, TakesWhatIsHeldWithoutTheRemote) {
  hold(true);
  sync();
  EXPECT_EQ(published_, id('a'));
  EXPECT_EQ(remote_.fetches.calls, 0);
  EXPECT_FALSE(store_.accepted_pack);
  EXPECT_EQ(store_.accepted->published, id('9'));
}

TEST_F(SyncPipelineTest, FetchesAnewWhereAnotherDepthIsWanted) {
  hold(true);
  repository_.depth = 3;
  sync();
  EXPECT_EQ(store_.verifies.calls, 0);
  EXPECT_EQ(remote_.wanted.depth, 3U);
}

TEST_F(SyncPipelineTest, AsksForAllHistoryWhereTheStoreIsShallow) {
  repository_.depth = 0;
  store_.has.shallow.push_back(id('b'));
  sync();
  EXPECT_EQ(remote_.wanted.depth, 0x7fffffffU);
  store_.has.shallow.clear();
  sync();
  EXPECT_EQ(remote_.wanted.depth, 0U);
}

TEST_F(SyncPipelineTest, PassesOnEachErrorOfEachStageAndHoldsNothing) {
  for (const Stage& stage : stages()) {
    for (const ErrorClass error_class : all_classes) {
      hold(stage.is_held);
      published_.reset();
      stage.step->failure = Error(error_class, "broken");
      sync();
      ASSERT_TRUE(failure_) << stage.name;
      EXPECT_EQ(failure_->error_class(), error_class) << stage.name;
      EXPECT_EQ(failure_->text(), "broken") << stage.name;
      EXPECT_FALSE(published_) << stage.name;
      stage.step->failure.reset();
      sync();
      EXPECT_FALSE(failure_) << "after " << stage.name;
    }
  }
}

TEST_F(SyncPipelineTest, EndsEachStageInTime) {
  repository_.timeout = 20ms;
  for (const Stage& stage : stages()) {
    hold(stage.is_held);
    stage.step->hangs = true;
    sync();
    ASSERT_TRUE(failure_) << stage.name;
    EXPECT_EQ(failure_->error_class(), ErrorClass::timeout) << stage.name;
    EXPECT_THAT(failure_->text(), HasSubstr(stage.late)) << stage.name;
    stage.step->hangs = false;
  }
}

TEST_F(SyncPipelineTest, ACancelledStageHoldsNothing) {
  for (const Stage& stage : stages()) {
    hold(stage.is_held);
    stage.step->hangs = true;
    const int before = stage.step->calls;
    async::TaskScope cancelled(loop_.get_executor());
    cancelled.spawn("sync", run_stages(*this));
    run_until([&] { return stage.step->calls > before; });
    cancelled.cancel();
    run_until([&] { return cancelled.size() == 0; });
    expect_nothing_held();
    stage.step->hangs = false;
  }
}

TEST_F(SyncPipelineTest, TheTimeInQueuesDoesNotCount) {
  repository_.timeout = 300ms;
  scope_.spawn("permit", keep_permit(syncs_, 500ms));
  sync();
  EXPECT_FALSE(failure_);
  EXPECT_EQ(published_, id('a'));
}

TEST_F(SyncPipelineTest, ShowsTheProgressOfTheTransferThatRuns) {
  store_.writes.hangs = true;
  begin();
  run_until([this] { return store_.writes.calls > 0; });
  EXPECT_EQ(pipeline_.progress().received_bytes, 4U);
  EXPECT_THAT(phases_.back(), Phase::fetching);
  scope_.cancel();
  run_until([this] { return scope_.size() == 0; });
}

}  // namespace
}  // namespace adapter::sync
