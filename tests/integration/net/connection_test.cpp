// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace adapter::net {
namespace {

using namespace std::chrono_literals;
using test::LoopbackServer;
using test::make_leaf;

class ConnectionTest : public NetTest {
protected:
  test::Identity leaf_ = make_leaf(authority_, "DNS:localhost,DNS:git.example");
};

TEST_F(ConnectionTest, ReusesItsConnection) {
  LoopbackServer server(with(leaf_), hello_);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(send(get("localhost", server.port())), "200 hello");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ConnectionTest, ReplacesAConnectionThatTheServerClosedMeanwhile) {
  for (const bool properly : {true, false}) {
    LoopbackServer server(with(leaf_), [properly](test::Peer& peer) {
      peer.read_request();
      peer.write(http_answer("once"));
      properly ? peer.close_properly() : peer.cut();
    });
    for (int i = 1; i <= 4; ++i) {
      EXPECT_EQ(send(get("localhost", server.port())), "200 once");
      EXPECT_EQ(server.connections(), i);
    }
  }
}

TEST_F(ConnectionTest, TriesEachAddressInTurn) {
  LoopbackServer server(with(leaf_), hello_);
  name("git.example", {"127.0.0.3", "::1", "127.0.0.1"});
  EXPECT_EQ(send(get("git.example", server.port())), "200 hello");
}

TEST_F(ConnectionTest, NamesEachAddressThatFailed) {
  LoopbackServer server(with(leaf_), hello_);
  name("git.example", {"127.0.0.3", "169.254.169.254", "127.0.0.4"});
  const std::string got = send(get("git.example", server.port()));
  EXPECT_THAT(got, HasSubstr("network: connect failed: "));
  EXPECT_THAT(got, HasSubstr("169.254.169.254 is refused"));
  for (const char* address : {"127.0.0.3:", "127.0.0.4:"}) {
    EXPECT_THAT(got, HasSubstr(address + std::to_string(server.port()) + ": Connection refused"));
  }
}

TEST_F(ConnectionTest, ConnectsToNoAddressThatIsRefused) {
  LoopbackServer server(with(leaf_), hello_);
  name("git.example", {"127.0.0.1"});
  Request request = get("git.example", server.port());
  request.settings.allow_loopback = false;
  EXPECT_THAT(send(std::move(request)), AllOf(HasSubstr("policy: 127.0.0.1 is refused"), HasSubstr("allow_loopback")));
  EXPECT_EQ(server.connections(), 0);
  Request literal = get("localhost", server.port());
  literal.settings.allow_loopback = false;
  EXPECT_EQ(send(std::move(literal)), "200 hello") << "the url itself says loopback";
}

TEST_F(ConnectionTest, ReportsANameThatDoesNotExist) {
  EXPECT_THAT(send(get("nowhere.invalid", 443)), HasSubstr("network: cannot resolve nowhere.invalid: "));
}

TEST_F(ConnectionTest, KeepsToTheCapPerHost) {
  options_.connections_per_host = 2;
  LoopbackServer server(with(leaf_), hello_);
  std::vector<std::string> got(20);
  std::size_t done = 0;
  for (std::string& out : got) {
    asio::co_spawn(loop_, exchange(client(), get("localhost", server.port()), out),
                   [&](const std::exception_ptr& failure) {
                     ++done;
                     EXPECT_FALSE(failure);
                   });
  }
  while (done < got.size()) {
    loop_.run_one();
  }
  EXPECT_THAT(got, testing::Each("200 hello"));
  EXPECT_LE(server.most_at_once(), 2);
}

TEST_F(ConnectionTest, StreamsALargeBodyUnchanged) {
  std::string body(8 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>((i * 2654435761U) >> 13U);
  }
  LoopbackServer tls(with(leaf_), LoopbackServer::keep_answering(http_answer(body)));
  EXPECT_TRUE(send(get("localhost", tls.port())) == "200 " + body);
  LoopbackServer plain({}, LoopbackServer::keep_answering(http_answer(body)));
  EXPECT_TRUE(send(get("localhost", plain.port(), "http")) == "200 " + body);
  EXPECT_EQ(client_->stats().idle, 2U);
}

TEST_F(ConnectionTest, SpeaksHttpWithoutTlsToo) {
  LoopbackServer server({}, hello_);
  EXPECT_EQ(send(get("127.0.0.1", server.port(), "http")), "200 hello");
  EXPECT_EQ(send(get("127.0.0.1", server.port(), "http")), "200 hello");
  EXPECT_EQ(server.connections(), 1);
}

class DeadlineTest : public ConnectionTest {
protected:
  void expect_timeout(const std::string& got, std::string_view phase) {
    EXPECT_THAT(got, AllOf(HasSubstr("timeout: "), HasSubstr(std::string(phase)), HasSubstr("took longer than 150ms")));
    EXPECT_EQ(client_->stats().busy, 0U);
    EXPECT_EQ(client_->stats().idle, 0U);
  }
};

TEST_F(DeadlineTest, OfASilentHandshake) {
  options_.deadlines.tls = 150ms;
  test::ServerOptions silent;
  silent.handshakes = false;
  LoopbackServer server(silent, hello_);
  expect_timeout(send(get("localhost", server.port())), "TLS handshake");
}

TEST_F(DeadlineTest, OfAnAnswerThatComesAByteAtATime) {
  options_.deadlines.first_byte = 150ms;
  std::atomic<bool> ending = false;
  for (const bool tls : {true, false}) {
    LoopbackServer server(tls ? with(leaf_) : test::ServerOptions(), [&](test::Peer& peer) {
      peer.read_request();
      peer.drip(http_answer("hello"), ending);
    });
    expect_timeout(send(get("localhost", server.port(), tls ? "https" : "http")), "wait for answer");
  }
}

TEST_F(DeadlineTest, OfABodyThatComesAByteAtATime) {
  options_.deadlines.low_speed_window = 150ms;
  std::atomic<bool> ending = false;
  LoopbackServer server(with(leaf_), [&](test::Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    peer.drip(std::string(500, 'x'), ending);
  });
  const std::string got = send(get("localhost", server.port()));
  EXPECT_THAT(got, AllOf(HasSubstr("timeout: "), HasSubstr("read answer"), HasSubstr("less than 1 KiB a second")));
  EXPECT_EQ(client_->stats().busy, 0U);
}

TEST_F(DeadlineTest, OfARequestThatNobodyReads) {
  options_.deadlines.write = 150ms;
  LoopbackServer server(with(leaf_), [&](test::Peer&) {
    while (!server.ending()) {
      std::this_thread::sleep_for(5ms);
    }
  });
  Request request = get("localhost", server.port());
  request.method = "POST";
  request.body.assign(32 * 1024 * 1024, 'x');
  expect_timeout(send(std::move(request)), "send request");
}

TEST_F(DeadlineTest, DoesNotCountTheTimeTheReceiverTakes) {
  options_.deadlines.low_speed_window = 100ms;
  LoopbackServer server(with(leaf_), LoopbackServer::keep_answering(http_answer(std::string(600'000, 'x'))));
  std::size_t size = 0;
  bool failed = true;
  const auto slow = [](HttpClient& client, Request request, std::size_t& out) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    while (true) {
      const std::string_view part = co_await response->read_body();
      if (part.empty()) {
        break;
      }
      out += part.size();
      pause.expires_after(30ms);
      co_await pause.async_wait(asio::use_awaitable);
    }
  };
  bool done = false;
  asio::co_spawn(loop_, slow(client(), get("localhost", server.port()), size), [&](const std::exception_ptr& failure) {
    done = true;
    failed = failure != nullptr;
  });
  while (!done) {
    loop_.run_one();
  }
  EXPECT_FALSE(failed);
  EXPECT_EQ(size, 600'000U);
}

/// The receiver lets a whole window pass between two reads, both of which have to wait.
TEST_F(DeadlineTest, DoesNotCountAPauseOfTheReceiver) {
  options_.deadlines.low_speed_window = 200ms;
  std::atomic<bool> goes_on = false;
  LoopbackServer server(with(leaf_), [&](test::Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + std::string(10'000, 'x'));
    std::this_thread::sleep_for(60ms);
    peer.write(std::string(10'000, 'y'));
    while (!goes_on && !server.ending()) {
      std::this_thread::sleep_for(5ms);
    }
    std::this_thread::sleep_for(60ms);
    peer.write(std::string(10'000, 'z'));
  });
  std::string got;
  std::exception_ptr failed;
  bool done = false;
  const auto receive = [](HttpClient& client, Request request, std::string& out,
                          std::atomic<bool>& go_on) -> asio::awaitable<void> {
    asio::steady_timer pause(co_await asio::this_coro::executor);
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    while (out.size() < 30'000) {
      const std::string_view part = co_await response->read_body();
      out += part;
      if (out.size() == 20'000) {
        pause.expires_after(600ms);
        co_await pause.async_wait(asio::use_awaitable);
        go_on = true;
      }
    }
  };
  asio::co_spawn(loop_, receive(client(), get("localhost", server.port()), got, goes_on),
                 [&](const std::exception_ptr& failure) {
                   done = true;
                   failed = failure;
                 });
  while (!done) {
    loop_.run_one();
  }
  EXPECT_FALSE(failed);
  EXPECT_EQ(got.size(), 30'000U);
}

TEST_F(DeadlineTest, CancellationOfARealWaitFreesEverything) {
  test::ServerOptions silent = with(leaf_);
  std::atomic<bool> asked = false;
  LoopbackServer server(silent, [&](test::Peer& peer) {
    peer.read_request();
    asked = true;
    peer.read_request();
  });
  asio::cancellation_signal cancel;
  std::string got;
  bool done = false;
  asio::co_spawn(loop_, exchange(client(), get("localhost", server.port()), got),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& failure) {
                   done = true;
                   EXPECT_TRUE(failure);
                 }));
  while (!asked) {
    loop_.poll_one();
  }
  cancel.emit(asio::cancellation_type::terminal);
  while (!done) {
    loop_.run_one();
  }
  EXPECT_EQ(client_->stats().busy, 0U);
  EXPECT_EQ(client_->stats().idle, 0U);
}

}  // namespace
}  // namespace adapter::net
