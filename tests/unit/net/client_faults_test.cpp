// SPDX-License-Identifier: Apache-2.0
#include "client_fixture.hpp"

namespace adapter::net {
namespace {

using test::answer;

/// Two requests over one connection, then a third: the fault strikes at each wait in turn, in each way. Whatever
/// happens, no connection and no place in the queue may be lost.
class ClientFaultTest : public ClientTest, public testing::WithParamInterface<Fault> {
protected:
  static asio::awaitable<void> two_requests(HttpClient& client, std::string& out) {
    Request first = get();
    co_await exchange(client, std::move(first), out);
    Request second = get();
    co_await exchange(client, std::move(second), out);
  }

  void arrange() {
    ClientOptions options;
    options.connections_per_host = 1;
    make_client(options);
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    network_.scripts.clear();
    for (int i = 0; i < 3; ++i) {
      network_.scripts.push_back(replies({chunked, answer(200, "a/b", std::string(200'000, 'x')), chunked, chunked}));
    }
  }
};

TEST_P(ClientFaultTest, LosesNothingAtAnyStep) {
  arrange();
  network_.faults.kind = Fault::none;
  network_.faults.steps = 0;
  ASSERT_TRUE(test::run(loop_, two_requests(*client_, got_), network_.faults.cancel).finished);
  const int steps = network_.faults.steps;
  ASSERT_GT(steps, 5);
  for (int at = 0; at < steps; ++at) {
    SCOPED_TRACE("step " + std::to_string(at));
    arrange();
    network_.faults.kind = GetParam();
    network_.faults.at = at;
    network_.faults.steps = 0;
    const Outcome outcome = test::run(loop_, two_requests(*client_, got_), network_.faults.cancel);
    if (GetParam() == Fault::cancellation) {
      EXPECT_TRUE(outcome.cancelled);
    } else if (GetParam() == Fault::timeout) {
      ASSERT_TRUE(outcome.error);
      EXPECT_EQ(outcome.error->error_class(), ErrorClass::timeout);
    } else if (outcome.error) {
      EXPECT_EQ(outcome.error->text(), "injected error at step " + std::to_string(at));
    } else {
      EXPECT_EQ(network_.connects, 2) << "only a reused connection may be replaced";
    }
    EXPECT_EQ(client_->stats().busy, 0U);
    EXPECT_EQ(client_->stats().idle, static_cast<std::size_t>(network_.open));
    network_.faults.kind = Fault::none;
    EXPECT_TRUE(run(get()).finished) << "a place was lost";
    network_.connects = 0;
  }
}

TEST_P(ClientFaultTest, LosesNoPlaceWhenTheOneWhoWaitsForItGivesUp) {
  arrange();
  network_.faults.kind = Fault::cancellation;
  network_.faults.at = 2;  // the first task hangs in its first read
  network_.faults.steps = 0;
  std::string other;
  asio::cancellation_signal give_up;
  bool gone = false;
  asio::co_spawn(loop_, exchange(*client_, get(), other),
                 asio::bind_cancellation_slot(network_.faults.cancel.slot(), [](const std::exception_ptr&) {}));
  asio::co_spawn(loop_, exchange(*client_, get(), other),
                 asio::bind_cancellation_slot(give_up.slot(), [&](const std::exception_ptr& failure) {
                   gone = true;
                   EXPECT_TRUE(failure);
                 }));
  asio::post(loop_, [&] { give_up.emit(asio::cancellation_type::terminal); });
  while (!gone || client_->stats().busy > 0) {
    loop_.run_one();
  }
  network_.faults.kind = Fault::none;
  EXPECT_TRUE(run(get()).finished);
}

INSTANTIATE_TEST_SUITE_P(Faults, ClientFaultTest, testing::Values(Fault::error, Fault::timeout, Fault::cancellation),
                         test::fault_name);

}  // namespace
}  // namespace adapter::net
