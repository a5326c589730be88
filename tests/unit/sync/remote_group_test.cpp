// SPDX-License-Identifier: Apache-2.0
#include "remote_group.hpp"

#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::sync {
namespace {

using std::chrono::steady_clock;

/// Answers each request with as many refs as requests came so far, or with an error.
class CountingRemote final : public transport::Remote {
public:
  asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string> prefixes, std::size_t most_kept) override {
    ++requests;
    last_prefixes = std::move(prefixes);
    co_await asio::post(asio::use_awaitable);  // a turn of the loop, as on a network
    if (fail) {
      throw Error(ErrorClass::network, "connection refused");
    }
    const bool is_broad = last_prefixes == std::vector<std::string>{"refs/"};
    if (is_broad && drips) {
      const auto executor = co_await asio::this_coro::executor;
      asio::steady_timer end(executor);
      end.expires_after(std::chrono::hours(1));
      co_await end.async_wait(asio::use_awaitable);
    }
    if (is_broad && !all_names.empty()) {
      ++broad_running;
      most_broad_running = std::max(most_broad_running, broad_running);
      co_await asio::post(asio::use_awaitable);
      --broad_running;
      std::vector<wire::Ref> all;
      for (const std::string& name : all_names) {
        if (all.size() < most_kept) {
          all.emplace_back().name = name;
          all.back().id = ObjectId::from_hex(std::string(40, '1')).value();
        }
      }
      co_return all;
    }
    std::vector<wire::Ref> refs(static_cast<std::size_t>(requests));
    for (wire::Ref& ref : refs) {
      ref.symref_target = requests == 1 ? head_points_to : "";
      if (!empty) {
        ref.id = ObjectId::from_hex(std::string(40, '1')).value();
      }
    }
    co_return refs;
  }
  asio::awaitable<transport::FetchResult> fetch(wire::FetchArguments, transport::PackSink&) override {
    transport::FetchResult result;
    co_return result;
  }
  void forget_redirect() noexcept override { ++forgotten; }
  [[nodiscard]] const std::optional<wire::Capabilities>& capabilities() const noexcept override { return none_; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return received += bytes_per_look; }

  bool drips = false;  ///< its broad answers have no end
  std::uint64_t bytes_per_look = 0;
  mutable std::uint64_t received = 0;
  int requests = 0;
  int forgotten = 0;                         ///< calls of forget_redirect()
  std::vector<std::string> all_names;        ///< of the answer to a broad question; empty: as to each other one
  static inline int broad_running = 0;       ///< at all remotes
  static inline int most_broad_running = 0;  ///< at a time
  bool fail = false;
  std::string head_points_to;  ///< of the first answer's refs
  bool empty = false;          ///< none of its refs has an object, as an unborn HEAD has none
  std::vector<std::string> last_prefixes;

private:
  std::optional<wire::Capabilities> none_;
};

struct Fixture {
  static constexpr int entries = 5;
  Fixture() : remote(new CountingRemote), group(loop.get_executor(), std::unique_ptr<transport::Remote>(remote)) {
    for (int i = 0; i < entries; ++i) {
      group.join({"HEAD", "refs/heads/main"});
    }
  }

  /// Asks `times` times at once; the number of refs each got, or -1 for an error.
  std::vector<int> ask(int times, steady_clock::time_point not_before) {
    std::vector<int> answers(static_cast<std::size_t>(times), 0);
    async::TaskScope scope(loop.get_executor());
    for (int& answer : answers) {
      scope.spawn("ask", one(group, not_before, answer));
    }
    loop.restart();
    loop.run();
    return answers;
  }

  static asio::awaitable<void> one(RemoteGroup& group, steady_clock::time_point not_before, int& answer) {
    try {
      const RemoteGroup::Answer refs = co_await group.refs(not_before);
      answer = static_cast<int>(refs->size());
    } catch (const Error&) {
      answer = -1;
    }
  }

  asio::io_context loop{1};
  CountingRemote* remote;
  RemoteGroup group;
};

TEST(RemoteGroup, AsksOnceForAllWhoComeTogether) {
  Fixture fixture;
  const auto answers = fixture.ask(Fixture::entries, steady_clock::now());
  EXPECT_EQ(answers, std::vector<int>(Fixture::entries, 1));
  EXPECT_EQ(fixture.remote->requests, 1);
}

TEST(RemoteGroup, LooksForAnyRefBeforeItCallsARemoteEmpty) {
  Fixture fixture;
  fixture.remote->empty = true;
  fixture.remote->all_names = {"refs/heads/other"};
  EXPECT_EQ(fixture.ask(1, steady_clock::now()), std::vector<int>(1, 1));
  EXPECT_EQ(fixture.remote->requests, 2);
  EXPECT_EQ(fixture.remote->last_prefixes, std::vector<std::string>{"refs/"});
}

TEST(RemoteGroup, KeepsAnUnbornHeadBesideTheOtherRefs) {
  Fixture fixture;
  fixture.remote->empty = true;
  fixture.remote->head_points_to = "refs/heads/main";
  fixture.remote->all_names = {"refs/heads/other", "refs/heads/third"};
  EXPECT_EQ(fixture.ask(1, steady_clock::now()), std::vector<int>(1, 2))
      << "HEAD of the first answer, and a sign that the remote is not empty";
}

TEST(RemoteGroup, GivesOutARecentAnswerAndNotAnOlderOne) {
  Fixture fixture;
  const auto before = steady_clock::now();
  fixture.ask(1, before);
  EXPECT_EQ(fixture.ask(1, before), std::vector<int>(1, 1));
  EXPECT_EQ(fixture.ask(1, steady_clock::now()), std::vector<int>(1, 2));
}

std::size_t bytes_of(const std::vector<wire::Ref>& refs) {
  std::size_t sum = refs.capacity() * sizeof(wire::Ref);
  for (const wire::Ref& ref : refs) {
    sum += ref.name.capacity() + ref.symref_target.capacity();
  }
  return sum;
}

TEST(RemoteGroup, KeepsOfAHundredThousandRefsOnlyTheWantedAndASign) {
  Fixture fixture;
  fixture.remote->empty = true;
  for (int i = 0; i < 100'000; ++i) {
    fixture.remote->all_names.push_back("refs/heads/" + std::to_string(i) + std::string(200, 'n'));
  }
  fixture.remote->all_names.insert(fixture.remote->all_names.begin() + 5, "refs/heads/main");
  RemoteGroup::Answer answer;
  async::TaskScope scope(fixture.loop.get_executor());
  scope.spawn("ask", [](RemoteGroup& group, RemoteGroup::Answer& out) -> asio::awaitable<void> {
    RemoteGroup::Answer refs = co_await group.refs(steady_clock::now());
    out = std::move(refs);
  }(fixture.group, answer));
  fixture.loop.run();
  ASSERT_EQ(answer->size(), 2U);
  EXPECT_EQ(answer->back().name, "refs/heads/main") << "it was pushed between the two questions";
  EXPECT_LT(bytes_of(*answer), 4096U);
}

TEST(RemoteGroup, GivesUpAnAnswerThatAllEntriesHaveTaken) {
  Fixture fixture;
  std::weak_ptr<const std::vector<wire::Ref>> kept;
  const auto take = [](RemoteGroup& group, std::weak_ptr<const std::vector<wire::Ref>>& out,
                       steady_clock::time_point not_before) -> asio::awaitable<void> {
    const RemoteGroup::Answer refs = co_await group.refs(not_before);
    out = refs;
  };
  const auto before = steady_clock::now();
  for (int i = 1; i <= Fixture::entries; ++i) {
    async::TaskScope scope(fixture.loop.get_executor());
    scope.spawn("take", take(fixture.group, kept, before));
    fixture.loop.restart();
    fixture.loop.run();
    EXPECT_EQ(kept.expired(), i == Fixture::entries) << i;
  }
  EXPECT_EQ(fixture.remote->requests, 1);
}

TEST(RemoteGroup, BeginsAtTheConfiguredUrlAgainWhereNoneOfItsRefsExists) {
  Fixture fixture;
  fixture.ask(1, steady_clock::now());
  EXPECT_EQ(fixture.remote->forgotten, 0);
  fixture.remote->empty = true;
  fixture.ask(1, steady_clock::now());
  EXPECT_EQ(fixture.remote->forgotten, 1);
}

/// One group at a remote without the refs that are asked for.
struct BroadGroup {
  BroadGroup(asio::io_context& loop, BroadQuestions& questions, const std::string& host) : remote(new CountingRemote) {
    remote->empty = true;
    remote->all_names = {"refs/heads/other"};
    group.emplace(loop.get_executor(), std::unique_ptr<transport::Remote>(remote), nullptr, host, &questions);
    group->join({"HEAD"});
  }
  CountingRemote* remote;
  std::optional<RemoteGroup> group;
  int answer = 0;
};

TEST(RemoteGroup, AsksTwoBroadQuestionsAtATime) {
  asio::io_context loop(1);
  BroadQuestions questions(loop.get_executor());
  std::list<BroadGroup> groups;
  async::TaskScope scope(loop.get_executor());
  CountingRemote::most_broad_running = 0;
  for (int i = 0; i < 8; ++i) {
    BroadGroup& each = groups.emplace_back(loop, questions, "host " + std::to_string(i));
    scope.spawn("ask", Fixture::one(*each.group, steady_clock::now(), each.answer));
  }
  loop.run();
  EXPECT_EQ(CountingRemote::most_broad_running, 2);
  for (const BroadGroup& each : groups) {
    EXPECT_EQ(each.answer, 1);
  }
}

TEST(RemoteGroup, AWaitForABroadQuestionCanBeCancelled) {
  asio::io_context loop(1);
  BroadQuestions questions(loop.get_executor());
  std::list<BroadGroup> groups;
  async::TaskScope scope(loop.get_executor());
  for (int i = 0; i < 3; ++i) {
    BroadGroup& each = groups.emplace_back(loop, questions, "host " + std::to_string(i));
    each.remote->drips = true;
    scope.spawn("ask", Fixture::one(*each.group, steady_clock::now(), each.answer));
  }
  loop.poll();
  EXPECT_EQ(questions.waiting(), 1U);
  scope.cancel();
  loop.restart();
  loop.run();
  EXPECT_EQ(questions.waiting(), 0U);
  EXPECT_EQ(groups.back().remote->requests, 1);
}

/// Groups whose broad answers never end, at the hosts given, and behind them one whose remote answers at once.
class DrippingTest : public ::testing::Test {
protected:
  static BroadQuestions::Options quick() {
    BroadQuestions::Options options;
    options.window = window;
    return options;
  }
  void drip(const std::string& host) {
    BroadGroup& each = dripping_.emplace_back(loop_, questions_, host);
    each.remote->drips = true;
    scope_.spawn("drip", Fixture::one(*each.group, steady_clock::now(), each.answer));
  }
  /// How long the honest one waited.
  steady_clock::duration ask_behind(const std::string& host) {
    loop_.poll();
    BroadGroup honest(loop_, questions_, host);
    async::TaskScope asking(loop_.get_executor());
    const auto began = steady_clock::now();
    asking.spawn("ask", Fixture::one(*honest.group, began, honest.answer));
    while (honest.answer == 0) {
      loop_.run_one();
    }
    EXPECT_EQ(honest.answer, 1);
    return steady_clock::now() - began;
  }
  void TearDown() override {
    scope_.cancel();
    loop_.restart();
    loop_.run();
  }
  [[nodiscard]] std::ptrdiff_t ended() const {
    return std::count_if(dripping_.begin(), dripping_.end(), [](const BroadGroup& each) { return each.answer == -1; });
  }

  static constexpr std::chrono::milliseconds window{300};
  asio::io_context loop_{1};
  BroadQuestions questions_{loop_.get_executor(), quick()};
  std::list<BroadGroup> dripping_;
  async::TaskScope scope_{loop_.get_executor()};
};

TEST_F(DrippingTest, TwoOfOneHostHoldUpNoOtherHost) {
  drip("hostile");
  drip("hostile");
  EXPECT_LT(ask_behind("honest"), window / 2);
  EXPECT_EQ(ended(), 0);
}

TEST_F(DrippingTest, FourOfFourHostsHoldUpAnotherForTwoWindows) {
  for (const char* const host : {"1", "2", "3", "4"}) {
    drip(host);
  }
  EXPECT_LT(ask_behind("honest"), 4 * window);
  EXPECT_GE(ended(), 2);
}

TEST_F(DrippingTest, OneEndsForAnotherOfItsHost) {
  drip("host");
  EXPECT_LT(ask_behind("host"), 3 * window);
  EXPECT_EQ(ended(), 1);
}

TEST_F(DrippingTest, OneGoesOnForAsLongAsNoneWaits) {
  drip("host");
  loop_.run_for(2 * window);
  EXPECT_EQ(ended(), 0);
}

TEST_F(DrippingTest, OneThatIsNotSlowGoesOnWhileOthersWait) {
  drip("host");
  dripping_.back().remote->bytes_per_look = std::uint64_t{1} << 20U;
  drip("host");
  loop_.run_for(2 * window);
  EXPECT_EQ(ended(), 0);
}

TEST(RemoteGroup, SharesAnErrorToo) {
  Fixture fixture;
  fixture.remote->fail = true;
  EXPECT_EQ(fixture.ask(4, steady_clock::now()), std::vector<int>(4, -1));
  EXPECT_EQ(fixture.remote->requests, 1);
  fixture.remote->fail = false;
  EXPECT_EQ(fixture.ask(1, steady_clock::now()), std::vector<int>(1, 2));
}

TEST(RemoteGroup, AsksForWhatAllEntriesWantAndAnewForANewcomer) {
  Fixture fixture;
  const auto before = steady_clock::now();
  fixture.ask(1, before);
  fixture.group.join({"HEAD", "refs/tags/v1"});
  EXPECT_EQ(fixture.ask(1, before), std::vector<int>(1, 2));
  EXPECT_EQ(fixture.remote->last_prefixes, (std::vector<std::string>{"HEAD", "refs/heads/main", "refs/tags/v1"}));
  fixture.group.leave({"HEAD", "refs/tags/v1"});
  fixture.ask(1, steady_clock::now());
  EXPECT_EQ(fixture.remote->last_prefixes, (std::vector<std::string>{"HEAD", "refs/heads/main"}));
}

TEST(RemoteGroup, OneWhoIsCancelledLeavesTheOthersTheirAnswer) {
  Fixture fixture;
  int first = 0;
  int second = 0;
  async::TaskScope gone(fixture.loop.get_executor());
  async::TaskScope stays(fixture.loop.get_executor());
  const auto now = steady_clock::now();
  gone.spawn("first", Fixture::one(fixture.group, now, first));
  stays.spawn("second", Fixture::one(fixture.group, now, second));
  fixture.loop.run_one();
  gone.cancel();
  fixture.loop.run();
  EXPECT_GE(second, 1);
}

TEST(RemoteGroup, WaitsForATransferThatHasTheOnlyConnectionOfItsHost) {
  for (const std::size_t connections : {1U, 2U}) {
    asio::io_context loop(1);
    TransferQueue transfers(loop.get_executor(), TransferSlots::Limits::of(8, connections));
    auto* const remote = new CountingRemote;
    RemoteGroup group(loop.get_executor(), std::unique_ptr<transport::Remote>(remote), &transfers, "host");
    group.join({"HEAD"});
    int asked_meanwhile = -1;
    int answer = 0;
    async::TaskScope scope(loop.get_executor());
    scope.spawn("transfer", [](TransferQueue& queue, CountingRemote& peer, int& asked) -> asio::awaitable<void> {
      const TransferQueue::Place place = co_await queue.acquire("host", 0);
      for (int turn = 0; turn < 20; ++turn) {
        co_await asio::post(asio::use_awaitable);
      }
      asked = peer.requests;
    }(transfers, *remote, asked_meanwhile));
    scope.spawn("check", Fixture::one(group, steady_clock::now(), answer));
    loop.run();
    EXPECT_EQ(asked_meanwhile, connections == 1 ? 0 : 1) << connections;
    EXPECT_EQ(answer, 1) << connections;
  }
}

}  // namespace
}  // namespace adapter::sync
