// SPDX-License-Identifier: Apache-2.0
#include "traffic.hpp"

#include "client_fixture.hpp"

namespace adapter::net {
namespace {

using test::answer;
using testing::ElementsAre;

class TrafficTest : public ClientTest {
protected:
  /// "host busy/idle code=count…" of each host.
  std::vector<std::string> traffic() {
    std::vector<std::string> lines;
    for (const HttpClient::HostStats& host : client_->stats().hosts) {
      lines.push_back(to_line(host));
    }
    return lines;
  }

  static std::string to_line(const HttpClient::HostStats& host) {
    std::string line = host.host + " " + std::to_string(host.busy) + "/" + std::to_string(host.idle);
    for (const HttpClient::RequestCount& requests : host.requests) {
      line += " " + requests.code + "=" + std::to_string(requests.count);
    }
    return line;
  }
};

TEST_F(TrafficTest, CountsAnswersAndConnectionsOfEachHost) {
  network_.scripts = {replies({answer(200, "a/b", "x"), answer(503, "a/b", ""), answer(200, "a/b", "")}),
                      replies({answer(404, "a/b", "", "Connection: close\r\n")}), replies({answer(401, "a/b", "")})};
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(run(get()).finished);
  }
  EXPECT_TRUE(run(get("https://git.example:8443/")).finished);
  EXPECT_TRUE(run(get("https://[2001:db8::1]/")).finished);
  EXPECT_THAT(traffic(),
              ElementsAre("[2001:db8::1] 0/1 401=1", "git.example 0/1 200=2 503=1", "git.example:8443 0/0 404=1"));
}

TEST_F(TrafficTest, CountsTheDefaultPortsOfBothSchemesAsOneHost) {
  network_.scripts = {replies({answer(200, "a/b", "")}), replies({answer(200, "a/b", "")})};
  EXPECT_TRUE(run(get("https://git.example/")).finished);
  EXPECT_TRUE(run(get("http://git.example/")).finished);
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/2 200=2"));
}

TEST_F(TrafficTest, CountsWhatGotNoAnswerAsAnError) {
  network_.scripts = {replies({""}, true), replies({"SSH-2.0-OpenSSH_9.2\r\n"})};
  EXPECT_TRUE(run(get()).error);
  EXPECT_TRUE(run(get()).error);
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/0 error=2"));
}

TEST_F(TrafficTest, CountsARepeatedRequestOnce) {
  network_.scripts = {replies({answer(200, "a/b", "one"), ""}, true), replies({answer(200, "a/b", "two")})};
  EXPECT_TRUE(run(get()).finished);
  EXPECT_TRUE(run(get()).finished);
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/1 200=2"));
}

TEST_F(TrafficTest, CountsNothingOfACancelledRequest) {
  network_.scripts = {replies({answer(200, "a/b", "")})};
  network_.faults.kind = Fault::cancellation;
  network_.faults.at = 2;
  EXPECT_TRUE(run(get()).cancelled);
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/0"));
}

TEST_F(TrafficTest, SeesAConnectionAsBusyUntilTheAnswerWasRead) {
  network_.scripts = {replies({answer(200, "a/b", std::string(70'000, 'x'))})};
  std::string during;
  const auto task = [](HttpClient& client, std::string& line) -> asio::awaitable<void> {
    Request request = get();
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    line = to_line(client.stats().hosts.at(0));
    co_await read_some_body(*response, 1000000);
  };
  EXPECT_TRUE(test::run(loop_, task(*client_, during), network_.faults.cancel).finished);
  EXPECT_EQ(during, "git.example 1/0 200=1");
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/1 200=1"));
  client_->close();
  EXPECT_THAT(traffic(), ElementsAre("git.example 0/0 200=1"));
}

TEST_F(TrafficTest, ForgetsIdleConnectionsThatTheirCapOrTheirTimeClosed) {
  ClientOptions options;
  options.max_idle_connections = 1;
  make_client(options);
  network_.scripts = {replies({answer(200, "a/b", "")}), replies({answer(200, "a/b", "")})};
  EXPECT_TRUE(run(get("https://a.example/")).finished);
  EXPECT_TRUE(run(get("https://b.example/")).finished);
  EXPECT_THAT(traffic(), ElementsAre("a.example 0/0 200=1", "b.example 0/1 200=1"));
}

TEST(TrafficTableTest, PutsHostsPastTheLimitTogether) {
  TrafficTable table;
  for (std::size_t i = 0; i < TrafficTable::max_hosts + 5; ++i) {
    table.of("h" + std::to_string(i) + ".example").count_answer(200);
  }
  table.of("h7.example").count_answer(200);
  const std::vector<HttpClient::HostStats> all = table.stats();
  ASSERT_EQ(all.size(), TrafficTable::max_hosts + 1);
  EXPECT_EQ(all.back().host, "other");
  EXPECT_EQ(all.back().requests.at(0).count, 5U);
}

TEST(TrafficTableTest, PutsStatusesPastTheLimitTogether) {
  TrafficTable table;
  Traffic& traffic = table.of("git.example");
  for (int round = 0; round < 2; ++round) {
    for (int status = 200; status < 600; ++status) {
      traffic.count_answer(status);
    }
  }
  const std::vector<HttpClient::RequestCount> requests = table.stats().at(0).requests;
  ASSERT_EQ(requests.size(), Traffic::max_statuses + 1);
  EXPECT_EQ(requests.front().code, "200");
  EXPECT_EQ(requests.front().count, 2U);
  EXPECT_EQ(requests.back().code, "other");
  EXPECT_EQ(requests.back().count, 2 * (400 - Traffic::max_statuses));
}

}  // namespace
}  // namespace adapter::net
