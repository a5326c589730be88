// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/net/http_client.hpp"
#include "connector.hpp"
#include "loopback_server.hpp"

namespace adapter::net {

using testing::AllOf;
using testing::HasSubstr;

inline std::string http_answer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// A client whose names resolve to what `names_` says, and a folder for CA files.
class NetTest : public testing::Test {
protected:
  NetTest() : folder_(std::filesystem::temp_directory_path() / unique_name("net-")) {
    std::filesystem::create_directory(folder_);
    options_.deadlines.resolve = options_.deadlines.connect = options_.deadlines.tls = std::chrono::seconds(5);
    options_.deadlines.first_byte = options_.deadlines.write = options_.deadlines.low_speed_window =
        std::chrono::seconds(5);
    trust({&authority_});
  }
  ~NetTest() override {
    if (client_) {
      client_->close();
    }
    loop_.restart();
    loop_.run();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::filesystem::path ca_file() const { return folder_ / "ca.pem"; }
  void trust(const std::vector<const test::Identity*>& authorities) {
    std::string pem;
    for (const test::Identity* authority : authorities) {
      pem += authority->pem();
    }
    write_ca_file(pem);
  }
  /// Replaced as rotation does it.
  void write_ca_file(std::string_view bytes) {
    std::ofstream(folder_ / "new.pem", std::ios::binary) << bytes;
    std::filesystem::rename(folder_ / "new.pem", ca_file());
  }

  void name(const std::string& host, std::vector<std::string> addresses) { names_[host] = std::move(addresses); }

  HttpClient& client() {
    if (!client_) {
      auto lookup = [names = names_](const std::string& host) -> Result<std::vector<asio::ip::address>> {
        const auto known = names.find(host);
        if (known == names.end()) {
          return system_lookup(host);
        }
        std::vector<asio::ip::address> addresses;
        for (const std::string& text : known->second) {
          addresses.push_back(asio::ip::make_address(text));
        }
        return addresses;
      };
      client_ =
          make_http_client_with(loop_.get_executor(), options_,
                                make_connector(loop_.get_executor(), workers_, options_.deadlines, std::move(lookup)));
    }
    return *client_;
  }

  Request get(std::string_view host, std::uint16_t port, std::string_view scheme = "https") {
    const std::string text = std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(port) + "/";
    Request request("GET", http::Url::parse(text).value());
    request.settings.ca_file = ca_file();
    request.settings.allow_loopback = true;
    return request;
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

  /// "200 body", or "class: text" of the error.
  std::string send(Request request) {
    std::string got;
    bool done = false;
    auto finished = [&](const std::exception_ptr& failure) {
      done = true;
      try {
        if (failure) {
          std::rethrow_exception(failure);
        }
      } catch (const Error& error) {
        got = std::string(to_string(error.error_class())) + ": " + error.text();
      } catch (const std::exception& error) {
        got = error.what();
      }
    };
    asio::co_spawn(loop_, exchange(client(), std::move(request), got), finished);
    loop_.restart();
    while (!done) {
      loop_.run_one();
    }
    return got;
  }

  static test::ServerOptions with(const test::Identity& identity) {
    test::ServerOptions options;
    options.identity = identity;
    return options;
  }

  asio::io_context loop_{1};
  async::Workers workers_{1, async::Workers::OneLane{}};
  ClientOptions options_;
  std::filesystem::path folder_;
  std::map<std::string, std::vector<std::string>> names_;
  test::Identity authority_ = test::make_authority("test authority");
  std::unique_ptr<HttpClient> client_;
  const test::LoopbackServer::Handler hello_ = test::LoopbackServer::keep_answering(http_answer("hello"));
};

}  // namespace adapter::net
