// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include "adapter/net/http_client.hpp"
#include "support/scripted.hpp"

namespace adapter::net {

using test::Fault;
using test::Network;
using test::Outcome;
using test::Script;
using test::Turn;
using testing::HasSubstr;

inline Request get(std::string_view url = "https://git.example/docs.git/info/refs") {
  return {"GET", http::Url::parse(url).value()};
}

inline Script replies(std::vector<std::string> answers, bool ends = false) {
  Script script;
  for (std::string& text : answers) {
    script.turns.push_back(Turn{{}, std::move(text), false});
  }
  script.turns.back().ends = ends;
  return script;
}

class ClientTest : public testing::Test {
protected:
  void make_client(ClientOptions options = {}) {
    client_ = make_http_client_with(loop_.get_executor(), options, std::make_unique<test::ScriptedConnector>(network_));
  }
  ClientTest() { make_client(); }
  ~ClientTest() override {
    client_->close();
    loop_.restart();
    loop_.run();
    EXPECT_EQ(network_.open, 0);
  }

  static asio::awaitable<void> exchange(HttpClient& client, Request request, std::string& out) {
    std::unique_ptr<Response> response = co_await client.send(std::move(request));
    out = std::to_string(response->head().status) + " ";
    while (true) {
      const std::string_view part = co_await response->read_body();
      if (part.empty()) {
        break;
      }
      out += part;
    }
  }

  Outcome run(Request request) {
    return test::run(loop_, exchange(*client_, std::move(request), got_), network_.faults.cancel);
  }

  void expect_error(const Outcome& outcome, ErrorClass error_class, std::string_view text) {
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->error_class(), error_class);
    EXPECT_THAT(outcome.error->text(), HasSubstr(std::string(text)));
    EXPECT_EQ(client_->stats().busy, 0U);
  }

  asio::io_context loop_{1};
  Network network_;
  std::unique_ptr<HttpClient> client_;
  std::string got_;
};

}  // namespace adapter::net
