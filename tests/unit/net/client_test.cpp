// SPDX-License-Identifier: Apache-2.0
#include "client_fixture.hpp"

namespace adapter::net {
namespace {

using namespace std::chrono_literals;
using test::answer;

TEST_F(ClientTest, SendsARequestAndReadsTheAnswer) {
  network_.scripts = {replies({answer(200, "text/plain", "hello")})};
  Request request = get("https://git.example:8443/docs.git/info/refs?service=git-upload-pack");
  request.fields.add("Accept", "x/y");
  EXPECT_TRUE(run(std::move(request)).finished);
  EXPECT_EQ(got_, "200 hello");
  EXPECT_EQ(
      network_.requests.at(0),
      "GET /docs.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: git.example:8443\r\nAccept: x/y\r\n\r\n");
}

TEST_F(ClientTest, SendsAPostWithItsBodyInOnePiece) {
  network_.scripts = {replies({answer(200, "text/plain", "")})};
  Request request("POST", http::Url::parse("https://git.example/x/git-upload-pack").value());
  request.body = "0000";
  request.authorization = Secret(std::string("Basic abc"));
  EXPECT_TRUE(run(std::move(request)).finished);
  EXPECT_EQ(network_.requests.at(0),
            "POST /x/git-upload-pack HTTP/1.1\r\nHost: git.example\r\nContent-Length: 4\r\n"
            "Authorization: Basic abc\r\n\r\n0000");
}

TEST_F(ClientTest, NeverSendsACredentialWithoutTls) {
  Request request = get("http://git.example/x");
  request.authorization = Secret(std::string("Basic abc"));
  expect_error(run(std::move(request)), ErrorClass::policy, "never sent over http");
  EXPECT_EQ(network_.connects, 0);
}

TEST_F(ClientTest, RefusesACredentialThatWouldBecomeAnotherField) {
  Request request = get();
  request.authorization = Secret(std::string("Basic abc\r\nX: y"));
  expect_error(run(std::move(request)), ErrorClass::auth, "line break");
  EXPECT_EQ(network_.connects, 0);
}

TEST_F(ClientTest, KeepsTheConnectionForTheNextRequest) {
  network_.scripts = {replies({answer(200, "a/b", "one"), answer(404, "a/b", "two"), answer(200, "a/b", "")})};
  for (const char* expected : {"200 one", "404 two", "200 "}) {
    EXPECT_TRUE(run(get()).finished);
    EXPECT_EQ(got_, expected);
    EXPECT_EQ(client_->stats().idle, 1U);
    EXPECT_EQ(client_->stats().busy, 0U);
  }
  EXPECT_EQ(network_.connects, 1);
  EXPECT_EQ(client_->stats().opened, 1U);
}

TEST_F(ClientTest, SharesNoConnectionBetweenOriginsOrSettings) {
  for (int i = 0; i < 4; ++i) {
    network_.scripts.push_back(replies({answer(200, "a/b", "")}));
  }
  Request other_credential = get();
  other_credential.settings.credential_key = "team";
  Request other_ca = get();
  other_ca.settings.ca_file = "/etc/ca.pem";
  EXPECT_TRUE(run(get()).finished);
  EXPECT_TRUE(run(get("https://git.example:8443/")).finished);
  EXPECT_TRUE(run(std::move(other_credential)).finished);
  EXPECT_TRUE(run(std::move(other_ca)).finished);
  EXPECT_EQ(network_.connects, 4);
  EXPECT_EQ(client_->stats().idle, 4U);
}

TEST_F(ClientTest, ClosesAConnectionThatMayNotGoOn) {
  for (const std::string& text :
       {answer(200, "a/b", "x", "Connection: close\r\n"), std::string("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"),
        answer(200, "a/b", "x") + "HTTP/1.1 200 smuggled\r\n"}) {
    network_.scripts = {replies({text})};
    EXPECT_TRUE(run(get()).finished);
    EXPECT_EQ(got_, "200 x");
    EXPECT_EQ(client_->stats().idle, 0U);
    EXPECT_EQ(network_.open, 0);
  }
}

TEST_F(ClientTest, ReadsABodyThatEndsWithTheConnection) {
  network_.scripts = {replies({"HTTP/1.1 200 OK\r\n\r\nall of it"}, true)};
  EXPECT_TRUE(run(get()).finished);
  EXPECT_EQ(got_, "200 all of it");
  EXPECT_EQ(client_->stats().idle, 0U);
}

TEST_F(ClientTest, ReportsAnAnswerThatEndsEarly) {
  const std::string whole = answer(200, "a/b", "0123456789");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    network_.scripts = {replies({whole.substr(0, size)}, true)};
    expect_error(run(get()), ErrorClass::network, size == 0 ? "without an answer" : "ended");
    EXPECT_EQ(client_->stats().idle, 0U);
  }
}

TEST_F(ClientTest, ReportsAnAnswerThatIsNotHttp) {
  network_.scripts = {replies({"SSH-2.0-OpenSSH_9.2\r\n"})};
  expect_error(run(get()), ErrorClass::protocol, "HTTP/1.x");
  EXPECT_EQ(network_.open, 0);
}

TEST_F(ClientTest, ReplacesAnIdleConnectionThatThePeerClosed) {
  Script dead = replies({answer(200, "a/b", "one")});
  dead.dies_idle = true;
  network_.scripts = {dead, replies({answer(200, "a/b", "two")})};
  EXPECT_TRUE(run(get()).finished);
  EXPECT_TRUE(run(get()).finished);
  EXPECT_EQ(got_, "200 two");
  EXPECT_EQ(network_.requests.size(), 2U);
}

TEST_F(ClientTest, RepeatsARequestOnceWhenAReusedConnectionDiesBeforeTheAnswer) {
  network_.scripts = {replies({answer(200, "a/b", "one"), ""}, true), replies({""}, true)};
  EXPECT_TRUE(run(get()).finished);
  expect_error(run(get()), ErrorClass::network, "without an answer");
  EXPECT_EQ(network_.connects, 2);
  EXPECT_EQ(network_.requests.size(), 3U);
}

TEST_F(ClientTest, DoesNotRepeatARequestOnceAByteOfTheAnswerCame) {
  network_.scripts = {replies({answer(200, "a/b", "one"), "H"}, true), replies({answer(200, "a/b", "two")})};
  EXPECT_TRUE(run(get()).finished);
  expect_error(run(get()), ErrorClass::network, "ended inside its header");
  EXPECT_EQ(network_.connects, 1);
}

TEST_F(ClientTest, DoesNotRepeatARequestOnAFreshConnection) {
  network_.scripts = {replies({""}, true), replies({answer(200, "a/b", "two")})};
  expect_error(run(get()), ErrorClass::network, "without an answer");
  EXPECT_EQ(network_.connects, 1);
}

TEST_F(ClientTest, NamesThePhaseOfEachWait) {
  network_.scripts = {replies({answer(200, "a/b", "")})};
  network_.scripts.front().turns.front().answer.insert(0, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(run(get()).finished);
  EXPECT_THAT(network_.phases, testing::ElementsAre("send request", "wait for answer", "idle"));
}

TEST_F(ClientTest, ServesAtMostSoManyAtOnceForAHostAndTheRestInOrder) {
  ClientOptions options;
  options.connections_per_host = 2;
  make_client(options);
  for (int i = 0; i < 2; ++i) {
    network_.scripts.push_back(replies(std::vector<std::string>(6, answer(200, "a/b", std::string(70'000, 'x')))));
  }
  std::size_t most = 0;
  std::string order;
  const auto task = [](HttpClient& client, char name, std::size_t& busy, std::string& out) -> asio::awaitable<void> {
    Request request = get();
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    const std::size_t now = client.stats().busy;
    busy = std::max(busy, now);
    out.push_back(name);
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);  // the others get their turn
    co_await read_some_body(*response, 1000000);
  };
  for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    asio::co_spawn(loop_, task(*client_, name, most, order),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  }
  while (order.size() < 6 || client_->stats().busy > 0) {
    loop_.run_one();
  }
  EXPECT_EQ(order, "abcdef");
  EXPECT_EQ(most, 2U);
  EXPECT_EQ(network_.connects, 2);
}

TEST_F(ClientTest, AnAnswerThatIsDroppedHalfReadClosesItsConnectionAndFreesItsPlace) {
  ClientOptions options;
  options.connections_per_host = 1;
  make_client(options);
  network_.scripts = {replies({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}),
                      replies({answer(200, "a/b", "next")})};
  const auto drop = [](HttpClient& client) -> asio::awaitable<void> {
    Request request = get();
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    co_await response->read_body();
  };
  EXPECT_TRUE(test::run(loop_, drop(*client_), network_.faults.cancel).finished);
  EXPECT_EQ(network_.open, 0);
  EXPECT_TRUE(run(get()).finished);
  EXPECT_EQ(got_, "200 next");
}

TEST_F(ClientTest, CutsALongErrorPageAndDoesNotReadItsRest) {
  // The peer ends where the page has 995,000 bytes to come: reading on would be an error.
  const std::string head = "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n";
  network_.scripts = {replies({head + std::string(5000, 'x')}, true)};
  const auto task = [](HttpClient& client, std::string& out) -> asio::awaitable<void> {
    Request request = get();
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    out = co_await read_some_body(*response, 1000);
  };
  EXPECT_TRUE(test::run(loop_, task(*client_, got_), network_.faults.cancel).finished);
  EXPECT_EQ(got_, std::string(1000, 'x'));
  EXPECT_EQ(network_.open, 0) << "the rest of the page would be read as the next answer";
}

TEST_F(ClientTest, ClosesIdleConnectionsWhereNoDescriptorIsLeft) {
  for (int i = 0; i < 5; ++i) {
    network_.scripts.push_back(replies({answer(200, "a/b", ""), answer(200, "a/b", "again")}));
  }
  for (const char* const url : {"https://a.example/", "https://b.example/", "https://c.example/"}) {
    EXPECT_TRUE(run(get(url)).finished);
  }
  network_.max_open = 3;
  EXPECT_TRUE(run(get("https://d.example/")).finished);
  EXPECT_EQ(client_->stats().idle, 2U) << "the older half made room";
  EXPECT_TRUE(run(get("https://c.example/")).finished);
  EXPECT_EQ(got_, "200 again") << "the youngest stayed";
  network_.max_open = 0;
  expect_error(run(get("https://e.example/")), ErrorClass::network, "Too many open files; allow the process more");
  expect_error(run(get("https://e.example/")), ErrorClass::network, "Too many open files; allow the process more");
}

TEST(IdleConnections, AreBoundedByTheLimitOfOpenFiles) {
  EXPECT_EQ(idle_connections_under(1024), 256U);
  EXPECT_EQ(idle_connections_under(64), 16U);
  EXPECT_EQ(idle_connections_under(4096), 1024U);
  EXPECT_EQ(idle_connections_under(~std::uint64_t{0}), 1024U) << "RLIM_INFINITY";
}

TEST_F(ClientTest, ClosesIdleConnectionsAfterTheirTimeAndOverTheCap) {
  ClientOptions options;
  options.idle_timeout = 0s;
  make_client(options);
  network_.scripts = {replies({answer(200, "a/b", "")})};
  EXPECT_TRUE(run(get()).finished);
  loop_.restart();
  loop_.run();
  EXPECT_EQ(client_->stats().idle, 0U);

  options = ClientOptions();
  options.max_idle_connections = 1;
  make_client(options);
  network_.scripts = {replies({answer(200, "a/b", "")}),
                      replies({answer(200, "a/b", ""), answer(200, "a/b", "newest")})};
  EXPECT_TRUE(run(get("https://a.example/")).finished);
  EXPECT_TRUE(run(get("https://b.example/")).finished);
  EXPECT_EQ(client_->stats().idle, 1U);
  EXPECT_TRUE(run(get("https://b.example/")).finished);
  EXPECT_EQ(got_, "200 newest");
}

TEST_F(ClientTest, ClosesIdleConnectionsAfterTheirTimeEachTime) {
  ClientOptions options;
  options.idle_timeout = 0s;
  make_client(options);
  for (int round = 0; round < 2; ++round) {
    network_.scripts = {replies({answer(200, "a/b", "")})};
    EXPECT_TRUE(run(get()).finished);
    loop_.restart();
    loop_.run();
    EXPECT_EQ(client_->stats().idle, 0U) << round;
  }
}

TEST_F(ClientTest, DoesNothingForAnIdleConnectionUntilItsTimeIsOver) {
  network_.scripts = {replies({answer(200, "a/b", "")}), replies({answer(200, "a/b", "")})};
  EXPECT_TRUE(run(get("https://a.example/")).finished);
  EXPECT_TRUE(run(get("https://b.example/")).finished);
  EXPECT_EQ(client_->stats().idle, 2U);
  loop_.restart();
  EXPECT_LE(loop_.run_for(20ms), 2U) << "a timer that is not set for a time fires at once, for ever";
}

TEST_F(ClientTest, RefusesRequestsOnceClosed) {
  network_.scripts = {replies({answer(200, "a/b", "")})};
  EXPECT_TRUE(run(get()).finished);
  client_->close();
  EXPECT_EQ(network_.open, 0);
  expect_error(run(get()), ErrorClass::cancelled, "closed");
}

}  // namespace
}  // namespace adapter::net
