// SPDX-License-Identifier: Apache-2.0
#include "broad_questions.hpp"

#include <gtest/gtest.h>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"
#include "remote_group.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {
namespace {

/// Has no refs.
class EmptyRemote final : public transport::Remote {
public:
  asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string>, std::size_t) override {
    co_await asio::post(asio::use_awaitable);
    std::vector<wire::Ref> none;
    co_return none;
  }
  asio::awaitable<transport::FetchResult> fetch(wire::FetchArguments, transport::PackSink&) override {
    transport::FetchResult result;
    co_return result;
  }
  void forget_redirect() noexcept override {}
  [[nodiscard]] const std::optional<wire::Capabilities>& capabilities() const noexcept override { return none_; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return 0; }

private:
  std::optional<wire::Capabilities> none_;
};

TEST(BroadQuestions, ATransferOnTheOnlyConnectionOfItsHostHoldsUpNoOtherHost) {
  asio::io_context loop(1);
  TransferQueue transfers(loop.get_executor(), TransferSlots::Limits::of(8, 1));
  BroadQuestions questions(loop.get_executor());
  std::vector<TransferQueue::Place> held;
  std::vector<std::unique_ptr<RemoteGroup>> groups;
  std::vector<std::string> answered;
  async::TaskScope scope(loop.get_executor());
  const auto hold = [](TransferQueue& queue, std::string host,
                       std::vector<TransferQueue::Place>& places) -> asio::awaitable<void> {
    TransferQueue::Place place = co_await queue.acquire(std::move(host), 0);
    places.push_back(std::move(place));
  };
  const auto ask = [](RemoteGroup& group, std::string host, std::vector<std::string>& out) -> asio::awaitable<void> {
    std::vector<std::string> prefixes(1, "refs/");
    co_await group.refs_below(std::move(prefixes));
    out.push_back(std::move(host));
  };
  held.reserve(2);
  for (const char* const host : {"one", "two"}) {
    scope.spawn("transfer", hold(transfers, host, held));
  }
  loop.poll();
  ASSERT_EQ(held.size(), 2U);
  for (const char* const host : {"one", "two", "three"}) {
    groups.push_back(std::make_unique<RemoteGroup>(loop.get_executor(), std::make_unique<EmptyRemote>(), &transfers,
                                                   host, &questions));
    scope.spawn("ask", ask(*groups.back(), host, answered));
  }
  loop.restart();
  loop.poll();
  EXPECT_EQ(answered, std::vector<std::string>{"three"});
  held.clear();
  loop.restart();
  loop.run();
  EXPECT_EQ(answered.size(), 3U);
}

}  // namespace
}  // namespace adapter::sync
