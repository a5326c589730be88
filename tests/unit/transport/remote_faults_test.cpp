// SPDX-License-Identifier: Apache-2.0
#include "remote_fixture.hpp"

namespace adapter::transport {
namespace {

/// A check and a fetch, with a fault at each wait in turn, in each way; afterwards the same must work.
class RemoteFaultTest : public RemoteTest, public testing::WithParamInterface<Fault> {
protected:
  /// The peer answers whatever is asked: its turns depend on where the fault struck.
  void serve(int connections) {
    network_.scripts.clear();
    for (int i = 0; i < connections; ++i) {
      network_.scripts.push_back(Script{});
      network_.scripts.back().respond = [](std::string_view request) {
        if (request.starts_with("GET ")) {
          return capabilities_answer();
        }
        return request.find("command=fetch") == std::string_view::npos ? refs_answer()
                                                                       : answer(200, result_type, pack_body());
      };
    }
  }

  static asio::awaitable<void> both(Remote& remote, std::vector<wire::Ref>& refs, PackSink& sink, FetchResult& result) {
    co_await list(remote, refs);
    co_await get(remote, sink, result);
  }
  Outcome run_both() { return test::run(loop_, both(*remote_, refs_, sink_, result_), network_.faults.cancel); }
};

TEST_P(RemoteFaultTest, RecoversFromAFaultAtAnyStep) {
  restart();
  serve(1);
  ASSERT_TRUE(run_both().finished);
  const int steps = network_.faults.steps;
  ASSERT_GE(steps, 7);
  for (int at = 0; at < steps; ++at) {
    SCOPED_TRACE("step " + std::to_string(at));
    restart();
    serve(8);
    sink_ = KeepingSink();
    network_.faults.kind = GetParam();
    network_.faults.at = at;
    network_.faults.steps = 0;
    const Outcome outcome = run_both();
    if (GetParam() == Fault::cancellation) {
      EXPECT_TRUE(outcome.cancelled);
    } else if (GetParam() == Fault::timeout) {
      expect_error(outcome, ErrorClass::timeout, "injected timeout");
      EXPECT_THAT(outcome.error->text(), HasSubstr("https://git.example/team/docs.git: "));
    } else if (outcome.error) {
      expect_error(outcome, ErrorClass::network, "injected error");
    }
    EXPECT_EQ(client_->stats().busy, 0U);
    network_.faults.kind = Fault::none;
    sink_ = KeepingSink();
    EXPECT_TRUE(run_both().finished);
    EXPECT_EQ(sink_.pack, "PACK-one-two");
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, RemoteFaultTest, testing::Values(Fault::error, Fault::timeout, Fault::cancellation),
                         test::fault_name);

}  // namespace
}  // namespace adapter::transport
