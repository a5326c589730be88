// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/transport/remote.hpp"
#include "adapter/wire/pkt_line.hpp"
#include "support/scripted.hpp"

namespace adapter::transport {

using test::answer;
using test::Fault;
using test::Network;
using test::Outcome;
using test::Script;
using test::Turn;
using testing::ElementsAre;
using testing::HasSubstr;

inline const std::string commit_hex = "0123456789abcdef0123456789abcdef01234567";
inline constexpr std::string_view flush = "0000";
inline constexpr std::string_view advertisement = "application/x-git-upload-pack-advertisement";
inline constexpr std::string_view result_type = "application/x-git-upload-pack-result";

inline std::string pkt(std::string_view payload) {
  std::string out;
  wire::append_pkt(out, payload);
  return out;
}

inline std::string capabilities_answer() {
  return answer(200, advertisement,
                pkt("# service=git-upload-pack\n") + "0000" + pkt("version 2\n") + pkt("agent=git/2.39\n") +
                    pkt("ls-refs=unborn\n") + pkt("fetch=shallow\n") + "0000");
}

inline std::string refs_answer() {
  return answer(
      200, result_type,
      pkt(commit_hex + " HEAD symref-target:refs/heads/main\n") + pkt(commit_hex + " refs/heads/main\n") + "0000");
}

inline std::string pack_body() {
  return pkt("shallow-info\n") + pkt("shallow " + commit_hex + "\n") + "0001" + pkt("packfile\n") +
         pkt("\x02"
             "Counting objects: 3\r") +
         pkt("\x01PACK-one-") + pkt("\x01two") +
         pkt("\x02"
             "done\n") +
         "0000";
}

/// Keeps what it gets; throws on request.
class KeepingSink final : public PackSink {
public:
  asio::awaitable<void> write(std::string_view bytes) override {
    if (failure) {
      std::rethrow_exception(failure);
    }
    pack += bytes;
    co_return;
  }
  void progress(std::string_view line) override { lines.emplace_back(line); }

  std::string pack;
  std::vector<std::string> lines;
  std::exception_ptr failure;
};

class RemoteTest : public testing::Test {
protected:
  RemoteTest()
      : credentials_(workers_, {}, [](std::string_view) { return std::optional<std::string>("s3cret-token"); }) {
    restart();
  }
  ~RemoteTest() override {
    client_->close();
    loop_.restart();
    loop_.run();
    EXPECT_EQ(network_.open, 0);
  }

  /// A new client and remote, as after a start.
  void restart(std::string_view url = "https://git.example/team/docs.git", RemoteOptions options = {}) {
    net::ClientOptions client_options;
    client_options.connections_per_host = 1;
    client_ = net::make_http_client_with(loop_.get_executor(), client_options,
                                         std::make_unique<test::ScriptedConnector>(network_));
    options.agent = "adapter/0.1.0";
    remote_ = make_remote(*client_, credentials_, http::Url::parse(url).value(), options);
  }

  void script(std::vector<Turn> turns) { network_.scripts = {Script{std::move(turns)}}; }

  static asio::awaitable<void> list(Remote& remote, std::vector<wire::Ref>& out) {
    std::vector<std::string> prefixes;
    prefixes.emplace_back("HEAD");
    prefixes.emplace_back("refs/heads/main");
    out = co_await remote.ls_refs(std::move(prefixes), wire::all_refs);
  }
  static asio::awaitable<void> get(Remote& remote, PackSink& sink, FetchResult& out) {
    wire::FetchArguments arguments;
    arguments.wants.push_back(ObjectId::from_hex(commit_hex).value());
    arguments.depth = 1;
    out = co_await remote.fetch(std::move(arguments), sink);
  }

  Outcome ls_refs() { return test::run(loop_, list(*remote_, refs_), network_.faults.cancel); }
  Outcome fetch() { return test::run(loop_, get(*remote_, sink_, result_), network_.faults.cancel); }

  static void expect_error(const Outcome& outcome, ErrorClass error_class, std::string_view text) {
    ASSERT_TRUE(outcome.error) << (outcome.finished ? "finished" : "cancelled");
    EXPECT_EQ(to_string(outcome.error->error_class()), to_string(error_class));
    EXPECT_THAT(outcome.error->text(), HasSubstr(std::string(text)));
  }

  asio::io_context loop_{1};
  async::Workers workers_{1, async::Workers::OneLane{}};
  Network network_;
  auth::Credentials credentials_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<Remote> remote_;
  std::vector<wire::Ref> refs_;
  KeepingSink sink_;
  FetchResult result_;
};

}  // namespace adapter::transport
