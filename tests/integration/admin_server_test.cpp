// SPDX-License-Identifier: Apache-2.0
// The admin server on real sockets, with a loop that the test can hold up.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <cerrno>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "adapter/admin/server.hpp"
#include "adapter/base/file.hpp"

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A process without a configuration.
class Nobody final : public Daemon {
public:
  sync::Engine* engine() noexcept override { return nullptr; }
  void reload(std::function<void(ReloadOutcome)> done) override { done(ReloadOutcome()); }
  [[nodiscard]] std::optional<ReloadStatus> last_reload() const override { return std::nullopt; }
};

class Client {
public:
  explicit Client(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view text) const {
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// What fits without waiting; false once the server has closed.
  bool send_some(std::string_view text) const {
    const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 || errno == EAGAIN;
  }
  /// All until the server closes.
  [[nodiscard]] std::string rest() const {
    std::string all;
    std::string part(4096, '\0');
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(socket_.get(), part.data(), part.size(), 0);
      all.append(part, 0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    return all;
  }
  /// Until `text` has arrived.
  [[nodiscard]] std::string until(std::string_view text) const {
    std::string all;
    char byte = 0;
    while (all.find(text) == std::string::npos && ::recv(socket_.get(), &byte, 1, 0) == 1) {
      all += byte;
    }
    return all;
  }

private:
  UniqueFd socket_;
  bool connected_ = false;
};

class AdminServerTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::promise<void> open;
    asio::post(loop_, [&] {
      server_ = make_server(loop_.get_executor(), nobody_, "127.0.0.1:0", nullptr, Options{.version = "1.2.3"});
      open.set_value();
    });
    thread_ = std::thread([this] { loop_.run(); });
    open.get_future().wait();
  }
  void TearDown() override {
    asio::post(loop_, [this] {
      server_->stop();
      work_.reset();
    });
    thread_.join();
    server_.reset();
  }

  [[nodiscard]] std::string ask(const std::string& target) const {
    const Client client(server_->address());
    client.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.rest();
  }
  /// Clients that have sent the first byte of a request.
  [[nodiscard]] std::vector<std::unique_ptr<Client>> slow_clients(int count) const {
    std::vector<std::unique_ptr<Client>> crowd;
    for (int i = 0; i < count; ++i) {
      crowd.push_back(std::make_unique<Client>(server_->address()));
      EXPECT_TRUE(crowd.back()->connected() && crowd.back()->send("G"));
    }
    return crowd;
  }
  [[nodiscard]] static bool is(const std::string& answer, int status) {
    return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
  }

  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
  Nobody nobody_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_F(AdminServerTest, APortThatIsTakenOrNotOursNamesTheCure) {
  const auto error_of = [this](const std::string& listen) {
    try {
      static_cast<void>(make_server(loop_.get_executor(), nobody_, listen, nullptr, Options()));
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorClass::protocol, "it was opened");
  };
  const Error taken = error_of(server_->address());
  EXPECT_EQ(taken.error_class(), ErrorClass::config);
  EXPECT_EQ(taken.text(), "cannot listen on " + server_->address() +
                              ": Address already in use; another process listens there: end it, or write another port "
                              "in admin.listen or ADAPTER_ADMIN_LISTEN");
  const Error foreign = error_of("192.0.2.1:8080");
  EXPECT_EQ(foreign.error_class(), ErrorClass::config);
  EXPECT_NE(foreign.text().find("this machine has no such address"), std::string::npos) << foreign.text();
}

TEST_F(AdminServerTest, HealthSaysWhenTheLoopIsStuckAndWhenItTurnsAgain) {
  EXPECT_TRUE(is(ask("/healthz"), 200));
  EXPECT_TRUE(is(ask("/api/v1/repositories"), 200));
  std::promise<void> go_on;
  asio::post(loop_, [&, released = go_on.get_future().share()] { released.wait(); });
  const Clock::time_point begin = Clock::now();
  std::this_thread::sleep_for(1s);
  EXPECT_TRUE(is(ask("/healthz"), 200)) << "a second is no reason to kill a process";
  std::string answer;
  while (Clock::now() - begin < 15s && !is(answer, 503)) {
    std::this_thread::sleep_for(100ms);
    answer = ask("/healthz");
  }
  EXPECT_TRUE(is(answer, 503)) << answer;
  EXPECT_GE(Clock::now() - begin, 3s);
  EXPECT_LE(Clock::now() - begin, 7s);
  EXPECT_NE(answer.find("\"stuck\""), std::string::npos);
  EXPECT_TRUE(is(ask("/readyz"), 503));
  EXPECT_TRUE(is(ask("/metrics"), 503)) << "old figures are none";
  EXPECT_TRUE(is(ask("/api/v1/repositories"), 503));
  go_on.set_value();
  std::this_thread::sleep_for(300ms);
  EXPECT_TRUE(is(ask("/healthz"), 200));
  EXPECT_TRUE(is(ask("/metrics"), 200));
}

TEST_F(AdminServerTest, AStopDoesNotWaitForWhoWaitsForTheLoop) {
  std::promise<void> go_on;
  std::promise<Clock::duration> stopped;
  asio::post(loop_, [&, released = go_on.get_future().share()] {
    released.wait();
    const Clock::time_point begin = Clock::now();
    server_->stop();
    stopped.set_value(Clock::now() - begin);
  });
  std::vector<std::thread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([this] { static_cast<void>(ask("/api/v1/repositories")); });
    waiting.emplace_back([this] {
      const Client client(server_->address());
      client.send("POST /api/v1/repositories/docs/sync?wait=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      static_cast<void>(client.rest());
    });
  }
  std::this_thread::sleep_for(200ms);
  const Clock::time_point begin = Clock::now();
  go_on.set_value();
  for (std::thread& each : waiting) {
    each.join();
  }
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_LT(stopped.get_future().get(), 1s) << "nor does it wait for the threads that wait for the loop it runs on";
}

TEST_F(AdminServerTest, AStopWithMoreRequestsThanThreads) {
  std::vector<std::unique_ptr<Client>> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(std::make_unique<Client>(server_->address()));
    crowd.back()->send("POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx");
  }
  std::this_thread::sleep_for(300ms);
  // Both TearDown's stop and the destructor's, which must not look at the requests that no thread had begun.
  const Clock::time_point begin = Clock::now();
  std::promise<void> stopped;
  asio::post(loop_, [&] {
    server_->stop();
    stopped.set_value();
  });
  stopped.get_future().wait();
  EXPECT_LT(Clock::now() - begin, 1s);
}

TEST_F(AdminServerTest, WhoAsksAndDoesNotReadKeepsNoThread) {
  const Client deaf(server_->address());
  std::string many;
  for (int i = 0; i < 2000; ++i) {
    many += "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  for (int i = 0; i < 100 && deaf.send_some(many); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  const Clock::time_point begin = Clock::now();
  EXPECT_TRUE(is(ask("/healthz"), 200));
  EXPECT_LT(Clock::now() - begin, 1s);
}

TEST_F(AdminServerTest, ProbesThatPileUpWhileTheLoopIsHeldUpDoNotKeepHealthWaiting) {
  static_cast<void>(ask("/readyz"));
  std::this_thread::sleep_for(1100ms);  // what was seen then is too old now
  std::promise<void> go_on;
  asio::post(loop_, [&, released = go_on.get_future().share()] { released.wait(); });
  std::vector<std::unique_ptr<Client>> probes;
  for (int i = 0; i < 30; ++i) {
    probes.push_back(std::make_unique<Client>(server_->address()));
    probes.back()->send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  const Clock::time_point begin = Clock::now();
  EXPECT_TRUE(ask("/healthz").starts_with("HTTP/1.1 "));
  EXPECT_LT(Clock::now() - begin, 6s);
  go_on.set_value();
}

TEST_F(AdminServerTest, WhoLeavesAStreamMakesRoomForTheNext) {
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<Client>> listeners;
    for (int i = 0; i < 32; ++i) {
      listeners.push_back(std::make_unique<Client>(server_->address()));
      listeners.back()->send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
      EXPECT_TRUE(is(listeners.back()->until("retry: 2000\n"), 200)) << i;
    }
    EXPECT_TRUE(is(ask("/api/v1/events"), 503));
    listeners.clear();
    std::this_thread::sleep_for(1500ms);
  }
}

TEST_F(AdminServerTest, WhatARemovedRepositoryStillDoesIsNotCounted) {
  const auto configured = [](const std::string& name) {
    auto config = std::make_shared<config::Config>();
    config->repositories.resize(1);
    config->repositories.front().name = name;
    return config;
  };
  std::promise<void> told;
  asio::post(loop_, [&] {
    sync::Event event;
    event.repository = "leaving";
    event.ends_attempt = true;
    server_->apply(configured("leaving"));
    server_->observer().on_event(event);
    server_->apply(configured("staying"));
    server_->observer().on_event(event);
    event.repository = "staying";
    server_->observer().on_event(event);
    told.set_value();
  });
  told.get_future().wait();
  const std::string metrics = ask("/metrics");
  EXPECT_NE(metrics.find("\nadapter_check_duration_seconds_count 2\n"), std::string::npos) << metrics;
}

TEST_F(AdminServerTest, EveryAnswerCarriesWhatKeepsBrowsersFromGuessing) {
  for (const char* const request : {"nonsense\r\n\r\n", "GET /nowhere HTTP/1.0\r\nHost: localhost\r\n\r\n"}) {
    const Client client(server_->address());
    client.send(request);
    const std::string answer = client.rest();
    EXPECT_NE(answer.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Cache-Control: no-store\r\n"), std::string::npos) << answer;
    const std::size_t close = answer.find("Connection: close\r\n");
    ASSERT_NE(close, std::string::npos) << answer;
    EXPECT_EQ(answer.find("Connection: close\r\n", close + 1), std::string::npos) << "once";
  }
}

TEST_F(AdminServerTest, AnOldClientIsToldThatTheConnectionStays) {
  const Client client(server_->address());
  client.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(client.until("\r\n\r\n").find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST_F(AdminServerTest, RequestsInOnePacketAreAnsweredInOrder) {
  const Client client(server_->address());
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
  const std::string all = client.rest();
  std::vector<std::string> statuses;
  for (std::size_t at = all.find("HTTP/1.1 "); at != std::string::npos; at = all.find("HTTP/1.1 ", at + 1)) {
    statuses.push_back(all.substr(at + 9, 3));
  }
  // What follows a request of HTTP/1.0 without keep-alive is not looked at; without a Host no name is allowed.
  EXPECT_EQ(statuses, (std::vector<std::string>{"200", "404", "200", "421"})) << all;
  EXPECT_EQ(all.find("# HELP"), std::string::npos) << "HEAD has no body";
}

TEST_F(AdminServerTest, ABodyInPiecesArrivesAfterItWasAskedFor) {
  const Client client(server_->address());
  client.send(
      "POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    client.send("x");
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(is(client.rest(), 422));
}

TEST_F(AdminServerTest, SlowHeadsAndIdleConnectionsEndInTime) {
  const Client slow(server_->address());
  slow.send("GET /healthz HTTP/1.1\r\nHost: local");
  const Client idle(server_->address());
  idle.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Client silent(server_->address());
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(slow.rest(), "");
  EXPECT_TRUE(is(idle.rest(), 200));
  EXPECT_GE(Clock::now() - begin, 4s);
  EXPECT_LE(Clock::now() - begin, 7s);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_LE(Clock::now() - begin, 8s);  // it counts from its second second on
}

TEST_F(AdminServerTest, ASlowBodyEndsInTime) {
  const Client client(server_->address());
  client.send("POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx");
  const Clock::time_point begin = Clock::now();
  std::thread drip([&] {
    for (int i = 0; i < 24 && client.send("x"); ++i) {
      std::this_thread::sleep_for(500ms);
    }
  });
  const std::string answer = client.rest();
  EXPECT_TRUE(is(answer, 408)) << answer;
  EXPECT_GE(Clock::now() - begin, 9s);
  EXPECT_LE(Clock::now() - begin, 13s);
  drip.join();
}

TEST_F(AdminServerTest, MoreConnectionsThanThereAreAllowedPushTheOldestOut) {
  const std::vector<std::unique_ptr<Client>> crowd = slow_clients(300);
  EXPECT_TRUE(is(ask("/healthz"), 200));
  EXPECT_EQ(crowd.front()->rest(), "");
  const Client& youngest = *crowd.back();
  youngest.send("ET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(is(youngest.rest(), 200));
}

TEST_F(AdminServerTest, WhoHadNoTimeToAskIsNotPushedOut) {
  const Client probe(server_->address());
  const std::vector<std::unique_ptr<Client>> crowd = slow_clients(600);
  probe.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(is(probe.rest(), 200));
}

}  // namespace
}  // namespace adapter::admin
